package compattests

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// usage is what a server process holds.
type usage struct {
	rssMiB, descriptors, goroutines int
}

func (u usage) String() string {
	return fmt.Sprintf("%d MiB, %d descriptors, %d goroutines", u.rssMiB, u.descriptors, u.goroutines)
}

// usageOf reads memory and descriptors of a process, and its goroutines when addr is not empty.
func usageOf(pid int, addr string) (u usage, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	kb, _ := strconv.Atoi(firstMatch(`VmRSS:\s+(\d+) kB`, string(status)))
	u.rssMiB = kb >> 10
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return u, err
	}
	u.descriptors = len(files)
	if addr == "" {
		return u, nil
	}
	client := http.Client{Timeout: requestTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + addr + "/pprof/goroutine?debug=1")
	if err != nil {
		return u, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	u.goroutines, _ = strconv.Atoi(firstMatch(`goroutine profile: total (\d+)`, string(text)))
	return u, err
}

func firstMatch(pattern, text string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

const (
	requestTimeout = 60 * time.Second
	plateauWithin  = 2 * time.Minute
)

// watch follows two servers, a primary and the leading meta, and clients that mean no harm, during an attack.
type watch struct {
	t       *testing.T
	targets []*target
	stop    chan struct{}
	done    sync.WaitGroup
	mu      sync.Mutex
	served  int
	failed  []string
}

// target is a server under attack.
type target struct {
	name, addr   string
	pid          int
	before, most usage
}

func startWatch(t *testing.T, c *cluster.Cluster) *watch {
	t.Helper()
	w := &watch{t: t, stop: make(chan struct{})}
	pids := c.Pids()
	tb, err := thft.Open(c.Metas, "temp")
	if err != nil {
		t.Fatal(err)
	}
	leader := c.Leader()
	for _, addr := range []string{tb.Partitions[0].Primary, leader} {
		name := c.NameOf(addr)
		u, err := usageOf(pids[name], addr)
		if err != nil {
			t.Fatal(err)
		}
		w.targets = append(w.targets, &target{name: name, addr: addr, pid: pids[name], before: u, most: u})
	}
	w.done.Add(2)
	go w.innocent(tb)
	go w.sample()
	return w
}

// sample keeps the highest memory and number of descriptors.
func (w *watch) sample() {
	defer w.done.Done()
	for {
		for _, s := range w.targets {
			u, err := usageOf(s.pid, "")
			if err != nil {
				w.complain("%s: %v", s.name, err)
				return
			}
			s.most.rssMiB = max(s.most.rssMiB, u.rssMiB)
			s.most.descriptors = max(s.most.descriptors, u.descriptors)
		}
		select {
		case <-w.stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (w *watch) complain(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failed) < 5 {
		w.failed = append(w.failed, fmt.Sprintf(format, args...))
	}
}

// innocent writes and reads every partition and asks the meta, one request after the other, with new
// connections now and then. Each must succeed.
func (w *watch) innocent(tb *thft.Table) {
	defer w.done.Done()
	defer func() { tb.Close() }()
	for i := 0; ; i++ {
		select {
		case <-w.stop:
			return
		case <-time.After(time.Millisecond):
		}
		key, value := fmt.Sprintf("innocent %d", i%64), fmt.Sprint(i)
		r, err := tb.Call("PUT", key, thft.Wrap(func(a *thft.Args) { a.Blob(1, thft.Key(key, "k")).Blob(2, []byte(value)).I32(3, 0) }))
		if err != nil || r[1] != int32(0) {
			w.complain("put %d: %v %v", i, r, err)
		}
		if r, err = tb.Call("GET", key, thft.WrapBlob(thft.Key(key, "k"))); err != nil || r[2] != value {
			w.complain("get %d: %v %v, want %s", i, r, err, value)
		}
		if i%50 == 49 {
			tb.Close()
			next, err := thft.Open([]string{w.targets[1].addr}, "temp")
			if err != nil {
				w.complain("query of the meta %d: %v", i, err)
				continue
			}
			tb = next
		}
		w.mu.Lock()
		w.served++
		w.mu.Unlock()
	}
}

// atWork notes the goroutines while the attack goes on.
func (w *watch) atWork() {
	w.t.Helper()
	for _, s := range w.targets {
		u, err := usageOf(s.pid, s.addr)
		if err != nil {
			w.t.Errorf("%s under attack: %v", s.name, err)
			continue
		}
		s.most.goroutines = max(s.most.goroutines, u.goroutines)
	}
}

// bound is what a server may take above what it had before an attack.
type bound struct {
	rssMiB, descriptors, goroutines int
}

// end stops the innocent, claims that all its requests succeeded, that the servers stayed within the
// bound, and that they give back descriptors and goroutines.
func (w *watch) end(b bound) {
	t := w.t
	t.Helper()
	for start := w.count(); w.count() < start+20 && !t.Failed(); time.Sleep(5 * time.Millisecond) {
		if len(w.failures()) > 0 {
			break
		}
	}
	close(w.stop)
	w.done.Wait()
	for _, f := range w.failures() {
		t.Errorf("an innocent request failed: %s", f)
	}
	for _, s := range w.targets {
		grown := usage{s.most.rssMiB - s.before.rssMiB, s.most.descriptors - s.before.descriptors, s.most.goroutines - s.before.goroutines}
		t.Logf("%s: before %v; at most %v; bound +%d MiB, +%d descriptors, +%d goroutines; %d innocent requests", s.name, s.before, s.most, b.rssMiB, b.descriptors, b.goroutines, 2*w.count())
		if grown.rssMiB > b.rssMiB || grown.descriptors > b.descriptors || grown.goroutines > b.goroutines {
			t.Errorf("%s grew by %v", s.name, grown)
		}
		var u usage
		for end := time.Now().Add(plateauWithin); ; time.Sleep(20 * time.Millisecond) {
			var err error
			if u, err = usageOf(s.pid, s.addr); err != nil {
				t.Fatalf("%s after the attack: %v", s.name, err)
			}
			if u.descriptors <= s.before.descriptors+plateauSlack && u.goroutines <= s.before.goroutines+plateauSlack {
				break
			}
			if time.Now().After(end) {
				t.Errorf("%s does not give back: before %v, now %v", s.name, s.before, u)
				break
			}
		}
	}
}

// plateauSlack is for connections and files that come and go by themselves.
const plateauSlack = 40

func (w *watch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.served
}

func (w *watch) failures() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.failed...)
}

// setArgs are the limits that the test lowers, so that reaching them is cheap.
func setArgs(settings ...string) (args []string) {
	for _, s := range settings {
		args = append(args, "--set", strings.TrimSpace(s))
	}
	return args
}
