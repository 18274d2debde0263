package seeded

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Trace is what happened, line by line. All of it goes into the hash, the last lines are kept for
// whom it concerns, and everything goes to Out when there is one.
type Trace struct {
	Out  io.Writer
	sum  uint64
	n    int
	last []string
	at   int
	mu   sync.Mutex
}

// keptLines is how many lines a failure shows.
const keptLines = 120

// line adds what a person would like to read.
func (t *Trace) line(now time.Duration, format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	t.number(uint64(now))
	t.mix(s)
	t.comment(now, s)
}

// comment adds a line beside the hash.
func (t *Trace) comment(now time.Duration, s string) {
	t.mu.Lock() // the engine's goroutines log too
	defer t.mu.Unlock()
	s = fmt.Sprintf("%11.6f  %s", now.Seconds(), s)
	if t.Out != nil {
		fmt.Fprintln(t.Out, s)
	}
	if len(t.last) < keptLines {
		t.last = append(t.last, s)
		return
	}
	t.last[t.at%keptLines] = s
	t.at++
}

// mix adds to the hash only.
func (t *Trace) mix(s string) {
	sum := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		sum = (sum ^ uint64(s[i])) * 0x100000001b3
	}
	t.number(sum)
}

func (t *Trace) number(v uint64) {
	t.sum = (t.sum ^ v) * 0x100000001b3
	t.n++
}

// Tail is the last lines.
func (t *Trace) Tail() string {
	i := t.at % max(len(t.last), 1)
	return strings.Join(append(append([]string{}, t.last[i:]...), t.last[:i]...), "\n")
}

// Hash of everything that happened.
func (t *Trace) Hash() string { return fmt.Sprintf("%016x/%d", t.sum, t.n) }
