package replica

import (
	"strings"
	"sync/atomic"
	"testing"
)

func TestRatesAreSetAndRead(t *testing.T) {
	now, last := &atomic.Int64{}, -1
	now.Store(7)
	ask := func(args ...string) string { return setRate("r", args, 7, now, func(mbps int) { last = mbps }) }
	for _, step := range []struct {
		args []string
		want string
		last int
	}{
		{nil, `"r": "7"`, -1}, {[]string{"50"}, `"error": "ok"`, 50}, {nil, `"r": "50"`, 50}, {[]string{"-1"}, "'-1', the value is not acceptable", 50},
		{[]string{"x"}, "'x', the value is not acceptable", 50}, {[]string{"1", "2"}, "'1 2', only one argument", 50}, {[]string{"default"}, `"r": 7`, 7}, {[]string{"0"}, "ok", 0},
	} {
		if got := ask(step.args...); !strings.Contains(got, step.want) || last != step.last {
			t.Errorf("%v: %s and rate %d, want %s and %d", step.args, got, last, step.want, step.last)
		}
	}
}
