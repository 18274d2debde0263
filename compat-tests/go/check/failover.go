package check

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	loadWorkers     = 8
	loadOpTimeout   = 2 * time.Second
	loadPauseAtFail = 20 * time.Millisecond
	verifyTimeout   = 60 * time.Second
)

// load writes and reads without a pause until the word "stop" arrives on standard input.
// Each worker owns its keys, so what a read may return follows from the worker's own acknowledgements.
type load struct {
	table         KV
	run           string
	acked, failed int64
	stopping      int32
	mu            sync.Mutex
	violations    []string
}

// RunLoad prints one line "tick acked=A failed=F" a second, verifies every acknowledged write after "stop",
// prints "verified N acknowledged writes" and exits 0, or names what was lost and exits 1.
func RunLoad(table KV, run string) {
	l := &load{table: table, run: run}
	histories := make([]*history, loadWorkers)
	var wg sync.WaitGroup
	for i := range histories {
		histories[i] = &history{}
		wg.Add(1)
		go func(i int) { defer wg.Done(); l.work(i, histories[i]) }(i)
	}
	go l.awaitStop()
	ticker := time.NewTicker(time.Second)
	for atomic.LoadInt32(&l.stopping) == 0 {
		<-ticker.C
		fmt.Printf("tick acked=%d failed=%d\n", atomic.SwapInt64(&l.acked, 0), atomic.SwapInt64(&l.failed, 0))
	}
	wg.Wait()
	verified := 0
	for i, h := range histories {
		verified += l.verify(i, h)
	}
	for _, v := range l.violations {
		fmt.Println("VIOLATION", v)
	}
	if len(l.violations) > 0 {
		os.Exit(1)
	}
	fmt.Printf("verified %d acknowledged writes\n", verified)
	os.Exit(0)
}

// history is what one worker knows: which of its rows were acknowledged, and the bounds of its register's value.
// A register is given up after an unclear write, because that write may still arrive later.
type history struct {
	rows      []row
	registers []register
}

type row struct {
	n  int
	at time.Time // of the acknowledgement
}

type register struct{ acked, tried int }

func (l *load) awaitStop() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() && in.Text() != "stop" {
	}
	atomic.StoreInt32(&l.stopping, 1)
}

func (l *load) work(worker int, h *history) {
	h.registers = []register{{}}
	for n := 0; atomic.LoadInt32(&l.stopping) == 0; n++ {
		if l.set(l.rowKey(worker, n), strconv.Itoa(n)) {
			h.rows = append(h.rows, row{n, time.Now()})
		}
		l.step(worker, h)
		if len(h.rows) > 0 {
			old := h.rows[(n*7919)%len(h.rows)]
			got, err := l.get(l.rowKey(worker, old.n))
			if err == nil && got != strconv.Itoa(old.n) {
				l.violation("row %s: acknowledged at %s, read %q", l.rowKey(worker, old.n), clock(old.at), got)
			}
		}
	}
}

// step writes the next value to the worker's register and reads it back.
func (l *load) step(worker int, h *history) {
	generation := len(h.registers) - 1
	r := &h.registers[generation]
	key := l.registerKey(worker, generation)
	r.tried++
	if !l.set(key, strconv.Itoa(r.tried)) {
		h.registers = append(h.registers, register{})
		return
	}
	r.acked = r.tried
	if got, err := l.get(key); err == nil && got != strconv.Itoa(r.acked) {
		l.violation("register %s: acknowledged %d, read %q", key, r.acked, got)
	}
}

func (l *load) verify(worker int, h *history) int {
	verified := 0
	for _, r := range h.rows {
		if got := l.mustGet(l.rowKey(worker, r.n)); got != strconv.Itoa(r.n) {
			l.violation("row %s: acknowledged at %s, at the end %q", l.rowKey(worker, r.n), clock(r.at), got)
		}
		verified++
	}
	for g, r := range h.registers {
		if r.acked == 0 {
			continue
		}
		key := l.registerKey(worker, g)
		got, err := strconv.Atoi(l.mustGet(key))
		if err != nil || got < r.acked || got > r.tried {
			l.violation("register %s: acknowledged %d, tried %d, at the end %d (%v)", key, r.acked, r.tried, got, err)
		}
		verified++
	}
	return verified
}

func (l *load) rowKey(worker, n int) string { return fmt.Sprintf("%s-row-%d-%d", l.run, worker, n) }
func (l *load) registerKey(worker, g int) string {
	return fmt.Sprintf("%s-reg-%d-%d", l.run, worker, g)
}

func (l *load) set(key, value string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), loadOpTimeout)
	defer cancel()
	return l.count(l.table.Set(ctx, []byte(key), []byte("s"), []byte(value)))
}

func (l *load) get(key string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadOpTimeout)
	defer cancel()
	v, err := l.table.Get(ctx, []byte(key), []byte("s"))
	l.count(err)
	return string(v), err
}

func (l *load) mustGet(key string) string {
	var err error
	for end := time.Now().Add(verifyTimeout); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var v string
		if v, err = l.get(key); err == nil {
			return v
		}
	}
	l.violation("row %s can't be read: %v", key, err)
	return ""
}

func (l *load) count(err error) bool {
	if err != nil {
		atomic.AddInt64(&l.failed, 1)
		if os.Getenv("LOAD_VERBOSE") != "" {
			fmt.Println("error", err)
		}
		time.Sleep(loadPauseAtFail)
		return false
	}
	atomic.AddInt64(&l.acked, 1)
	return true
}

func (l *load) violation(format string, args ...interface{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, clock(time.Now())+" "+fmt.Sprintf(format, args...))
	fmt.Println("VIOLATION", l.violations[len(l.violations)-1])
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }
