package redis

import (
	"encoding/csv"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// figures are what redis-benchmark reports of one test.
type figures struct {
	rate         float64 // requests per second
	p50us, p99us float64
}

// parseCSV reads the output of `redis-benchmark --csv` with one test. Its columns are named since version 6.2; warnings may stand
// before them.
func parseCSV(text string) (figures, error) {
	start := strings.Index(text, `"test"`)
	if start < 0 {
		return figures{}, fmt.Errorf("redis: no line of column names in %.200q: redis-benchmark 6.2 or newer is needed", text)
	}
	rows, err := csv.NewReader(strings.NewReader(text[start:])).ReadAll()
	if err != nil {
		return figures{}, fmt.Errorf("redis: output of redis-benchmark: %w", err)
	}
	if len(rows) != 2 {
		return figures{}, fmt.Errorf("redis: %d tests in the output of redis-benchmark, want 1: %.200q", len(rows)-1, text)
	}
	var f figures
	for name, into := range map[string]*float64{"rps": &f.rate, "p50_latency_ms": &f.p50us, "p99_latency_ms": &f.p99us} {
		found := false
		for i, column := range rows[0] {
			if column != name {
				continue
			}
			if *into, err = strconv.ParseFloat(rows[1][i], 64); err != nil {
				return figures{}, fmt.Errorf("redis: column %s of redis-benchmark: %w", name, err)
			}
			found = true
		}
		if !found {
			return figures{}, fmt.Errorf("redis: no column %s in the output of redis-benchmark", name)
		}
	}
	f.p50us *= 1000
	f.p99us *= 1000
	return f, nil
}

var versionText = regexp.MustCompile(`\bv=(\S+)`)

func parseVersion(text string) string {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return "of unknown version"
	}
	return m[1]
}
