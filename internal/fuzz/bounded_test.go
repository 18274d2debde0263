package fuzz

import (
	"fmt"
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
