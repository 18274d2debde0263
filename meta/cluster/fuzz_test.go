package cluster

import (
	"testing"

	"github.com/pegasus-go/pegasus/internal/fuzz"
)

// FuzzCheckEnv judges any env: the same one is judged alike twice, and memory is bounded.
func FuzzCheckEnv(f *testing.F) {
	for _, r := range EnvRules() {
		for _, v := range []string{"", "1", "-1", "true", "0x10", "10*delay*100,20*reject*5", "10K*delay*1", "9223372036854775808", "timeout*all"} {
			f.Add(r.Key, v)
		}
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		var why string
		fuzz.Bounded(t, len(key)+len(value), func() { why = CheckEnv(key, value) })
		if again := CheckEnv(key, value); again != why {
			t.Fatalf("%q=%q: %q, then %q", key, value, why, again)
		}
	})
}
