package check

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// HistoryTable is the part of a table that recorded histories are made of.
type HistoryTable interface {
	KV
	Del(ctx context.Context, hashKey, sortKey []byte) error
	CheckAndSet(ctx context.Context, hashKey, checkSortKey []byte, t CheckType, operand, setSortKey, setValue []byte, ttlSeconds int, returnValue bool) (CheckAndSetResult, error)
	Incrementer
}

// HistoryOptions say who works on which keys.
type HistoryOptions struct {
	Client    string
	Callers   int
	Registers int
	EpochMs   int64
	Seed      int64
}

const (
	// The Apache client repeats a request by itself half a second after the first failure at the earliest. An operation that
	// ends before that was sent once, so that what it may have done is one thing.
	historyOpTimeout = 450 * time.Millisecond
	historyPause     = 30 * time.Millisecond
	// What a caller leaves in doubt on one key; doubts make a history expensive to check.
	doubtsMax = 1
)

// recorded is one line of output, and one operation.
type recorded struct {
	Client  string `json:"c"`
	Caller  int    `json:"w"`
	Op      string `json:"op"` // get, set, del, cas, incr
	Key     string `json:"k"`
	Value   string `json:"v,omitempty"` // what is written
	Expect  string `json:"x,omitempty"` // what cas wants to find
	Start   int64  `json:"t0"`          // monotonic clock of the machine, ns
	End     int64  `json:"t1"`
	Outcome string `json:"r"`           // ok, refused: never executed, failed: a read, unknown
	Output  string `json:"o,omitempty"` // what was found
	Passed  bool   `json:"p,omitempty"`
}

// historian writes the lines of all callers.
type historian struct {
	table    HistoryTable
	opts     HistoryOptions
	stopping int32
	mu       sync.Mutex
	out      *bufio.Writer
}

// RunHistory works on the keys of the moment until standard input says stop or ends, printing a line per operation.
func RunHistory(table HistoryTable, o HistoryOptions) {
	h := &historian{table: table, opts: o, out: bufio.NewWriter(os.Stdout)}
	var wg sync.WaitGroup
	for i := 0; i < o.Callers; i++ {
		wg.Add(1)
		go func(i int) { defer wg.Done(); h.call(i) }(i)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() && in.Text() != "stop" {
	}
	atomic.StoreInt32(&h.stopping, 1)
	wg.Wait()
	h.out.Flush()
	os.Exit(0)
}

// call is one caller: it has one operation in flight.
func (h *historian) call(id int) {
	rng := rand.New(rand.NewSource(h.opts.Seed + int64(id)))
	known, doubts := map[string]string{}, map[string]int{}
	for n := 0; atomic.LoadInt32(&h.stopping) == 0; n++ {
		r := h.next(rng, id, n, known, doubts)
		r.Start = MonotonicNs()
		h.execute(&r)
		r.End = MonotonicNs()
		switch {
		case r.Outcome == "unknown":
			doubts[r.Key+r.Op]++
		case r.Outcome == "ok" && (r.Op == "get" || (r.Op == "cas" && !r.Passed)):
			known[r.Key] = r.Output
		case r.Outcome == "ok":
			known[r.Key] = r.Value
		}
		h.write(r)
		time.Sleep(time.Duration(rng.Int63n(int64(historyPause))))
	}
}

// next chooses an operation on one of the keys of the moment. Slot 0 holds a counter, the others registers.
func (h *historian) next(rng *rand.Rand, id, n int, known map[string]string, doubts map[string]int) recorded {
	slot := rng.Intn(h.opts.Registers + 1)
	// Slots change their keys one after the other.
	shift := int64(slot) * h.opts.EpochMs / int64(h.opts.Registers+1)
	epoch := (MonotonicNs()/int64(time.Millisecond) + shift) / h.opts.EpochMs
	r := recorded{Client: h.opts.Client, Caller: id}
	if slot == 0 {
		r.Key, r.Op = fmt.Sprintf("counter-%d", epoch), []string{"get", "incr"}[rng.Intn(2)]
	} else {
		r.Key, r.Op = fmt.Sprintf("register-%d-%d", slot, epoch), []string{"get", "get", "get", "set", "set", "set", "cas", "cas", "cas", "del"}[rng.Intn(10)]
	}
	if (r.Op == "incr" || r.Op == "del") && doubts[r.Key+r.Op] >= doubtsMax {
		r.Op = "get"
	}
	switch r.Op {
	case "incr":
		r.Value = fmt.Sprint(1 + rng.Intn(9))
	case "cas":
		r.Expect = known[r.Key]
		fallthrough
	case "set":
		r.Value = fmt.Sprintf("%s-%d-%d", h.opts.Client, id, n)
	}
	return r
}

func (h *historian) execute(r *recorded) {
	ctx, cancel := context.WithTimeout(context.Background(), historyOpTimeout)
	defer cancel()
	key, sort := []byte(r.Key), []byte("s")
	var err error
	switch r.Op {
	case "get":
		var v []byte
		v, err = h.table.Get(ctx, key, sort)
		r.Output = string(v)
	case "set":
		err = h.table.Set(ctx, key, sort, []byte(r.Value))
	case "del":
		err = h.table.Del(ctx, key, sort)
	case "incr":
		var sum, by int64
		fmt.Sscan(r.Value, &by)
		sum, err = h.table.Incr(ctx, key, sort, by)
		r.Output = fmt.Sprint(sum)
	case "cas":
		check := BytesEqual
		if r.Expect == "" {
			check = ValueNotExist
		}
		var res CheckAndSetResult
		res, err = h.table.CheckAndSet(ctx, key, sort, check, []byte(r.Expect), sort, []byte(r.Value), 0, true)
		r.Passed, r.Output = res.SetSucceed, string(res.CheckValue)
	}
	r.Outcome = outcomeOf(r.Op, err)
	if err != nil {
		r.Passed, r.Output = false, ""
	}
}

// neverExecuted are the answers that promise that a write has no effect. The client repeats the requests that were answered
// with ERR_INVALID_STATE or ERR_OBJECT_NOT_FOUND, and ends with a timeout.
var neverExecuted = []string{"ERR_NOT_ENOUGH_MEMBER", "ERR_CAPACITY_EXCEEDED", "ERR_BUSY", "ERR_DISK_INSUFFICIENT"}

func outcomeOf(op string, err error) string {
	if err == nil {
		return "ok"
	}
	if op == "get" {
		return "failed"
	}
	for _, code := range neverExecuted {
		if strings.Contains(err.Error(), code) {
			return "refused"
		}
	}
	return "unknown"
}

func (h *historian) write(r recorded) {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // the fields are texts and numbers
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Write(line)
	h.out.WriteByte('\n')
	h.out.Flush()
}
