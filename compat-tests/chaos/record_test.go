//go:build linux

package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// record is one operation of a client, and one line of a client program's output: go/check/history.go and python/history.py
// write the same.
type record struct {
	Client  string `json:"c"`
	Caller  int    `json:"w"`
	Op      string `json:"op"` // get, set, del, cas, incr; row: a set of a row that is written once
	Key     string `json:"k"`
	Value   string `json:"v,omitempty"` // what is written
	Expect  string `json:"x,omitempty"` // what cas wants to find
	Start   int64  `json:"t0"`          // monotonic clock of the machine, ns
	End     int64  `json:"t1"`
	Outcome string `json:"r"`           // ok, refused: never executed, failed: a read, unknown
	Output  string `json:"o,omitempty"` // what was found
	Passed  bool   `json:"p,omitempty"`
	Error   string `json:"e,omitempty"`
}

const (
	ok      = "ok"
	refused = "refused"
	failed  = "failed"
	unknown = "unknown"
)

// monotonicNs is the clock that all processes of the machine share and nobody sets.
func monotonicNs() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

func newRecords() *records { return &records{last: map[string]int64{}, done: map[string]int{}} }

// records collects what clients print.
type records struct {
	mu     sync.Mutex
	list   []record
	last   map[string]int64 // when a client last succeeded, by client
	done   map[string]int   // how often
	broken []string         // lines that are no records
}

// brokenMax bounds the lines that are kept for a message.
const brokenMax = 20

// read takes lines until the stream ends.
func (r *records) read(client string, in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var one record
		err := json.Unmarshal(lines.Bytes(), &one)
		r.mu.Lock()
		switch {
		case err != nil && len(r.broken) < brokenMax:
			r.broken = append(r.broken, fmt.Sprintf("%s: %s", client, lines.Text()))
		case err == nil:
			r.list = append(r.list, one)
			if one.Outcome == ok {
				r.last[one.Client] = max(r.last[one.Client], one.Start)
				r.done[one.Client]++
			}
		}
		r.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, in)
}

// worksSince tells whether a client had a success that it began after a moment.
func (r *records) worksSince(client string, moment int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[client] > moment
}

func (r *records) successes(client string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done[client]
}

func (r *records) all() []record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list
}
