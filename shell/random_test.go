package shell

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Whatever is typed, the shell answers in time and lives. Words are drawn from what is valid
// somewhere, so that many lines get far.
func TestRandomLinesNeverBreakTheShell(t *testing.T) {
	b := newBench(t)
	b.table("temp", "123", "231", "312", "-12")
	words := []string{
		"temp", "x", "h", "s", `""`, `"\x00\xff"`, "-1", "0", "1", "99999999999999999999", "1.0", "1.x", "true", "false",
		"not_exist", "int_less", "bytes_equal", "prefix", "exact", "anywhere", "all", "alive", "dropped", "fl_x", "steady",
		"127.0.0.1:1", "localhost:34801", "nonsense:", "move_pri", "ADD_SECONDARY", "k=v", "k=v,k=v", "--", "-", "help", "00", "0xzz",
	}
	r := rand.New(rand.NewPCG(1, 2))
	commands := catalogue()
	for range 3000 {
		c := commands[r.IntN(len(commands))]
		line := []string{c.name}
		for range c.min + r.IntN(3) {
			line = append(line, words[r.IntN(len(words))])
		}
		for range r.IntN(4) {
			if len(c.opts) == 0 {
				break
			}
			if o := c.opts[r.IntN(len(c.opts))]; o.long == "output" {
				line = append(line, "--output", "/dev/null")
			} else if line = append(line, "--"+o.long); o.value {
				line = append(line, words[r.IntN(len(words))])
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		b.s.ctx, b.s.ended, b.s.timeout = ctx, false, 100*time.Millisecond
		if r.IntN(2) == 0 {
			b.s.app = "temp"
		}
		began := time.Now()
		got := b.run(strings.Join(line, " "))
		cancel()
		if strings.Contains(got, "internal error") {
			t.Fatalf("%q: %s", line, got)
		}
		if d := time.Since(began); d > 5*time.Second {
			t.Fatalf("%q took %v", line, d)
		}
	}
}
