package seeded

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"
)

// TestCorpus runs the seeds that once showed something. A line of testdata/corpus.txt is a seed, the
// simulated time, the kinds of faults ("all" or a list with commas) and what was wrong.
func TestCorpus(t *testing.T) {
	f, err := os.Open("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.SplitN(line, "\t", 4)
		if len(fields) != 4 {
			t.Fatalf("corpus: %q", line)
		}
		var o Options
		var seed uint64
		if seed, err = parseSeed(fields[0]); err == nil {
			o.Duration, err = time.ParseDuration(fields[1])
		}
		if err != nil {
			t.Fatalf("corpus: %q: %v", line, err)
		}
		if fields[2] != "all" {
			o.Only = strings.Split(fields[2], ",")
		}
		t.Run(fields[0], func(t *testing.T) {
			t.Parallel()
			if res, err := Run(seed, o); err != nil {
				t.Errorf("%s\nseed %d, which once showed %q: %v", res.Trace, seed, fields[3], err)
			}
		})
	}
}
