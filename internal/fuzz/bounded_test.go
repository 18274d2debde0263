package fuzz

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

var sink []byte

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Fatalf(format string, args ...any) { r.failed = fmt.Sprintf(format, args...) }

func TestBoundedSeesWhatIsTooMuch(t *testing.T) {
	for size, bad := range map[int]bool{1 << 10: false, SlackBytes / 2: false, 100 << 20: true} {
		r := &recorder{TB: t}
		Bounded(r, 100, func() { sink = make([]byte, size) })
		if (r.failed != "") != bad {
			t.Errorf("%d bytes: %q", size, r.failed)
		}
	}
}

func TestPanicsAreSeenOnce(t *testing.T) {
	p := &Panics{}
	log := slog.New(p)
	r := &recorder{TB: t}
	log.Warn("all is well")
	if p.Check(r); r.failed != "" {
		t.Error(r.failed)
	}
	log.Error("handler panicked", "rpc", "X")
	if p.Check(r, "in"); !strings.Contains(r.failed, "rpc=X") {
		t.Errorf("%q", r.failed)
	}
	r.failed = ""
	if p.Check(r); r.failed != "" {
		t.Error(r.failed)
	}
}
