package redis

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const columns = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"` + "\n"

func TestOutputOfTheBenchmark(t *testing.T) {
	f, err := parseCSV("WARNING: Could not fetch server CONFIG\n" + columns + `"SET","83333.34","0.223","0.072","0.215","0.343","0.503","1.271"` + "\n")
	if err != nil || f.rate != 83333.34 || f.p50us != 215 || f.p99us != 503 {
		t.Errorf("%+v, %v", f, err)
	}
	for name, text := range map[string]string{
		"nothing": "", "an old version": `"SET","83333.34"` + "\n", "no test": columns,
		"two tests":    columns + `"SET","1","1","1","1","1","1","1"` + "\n" + `"GET","1","1","1","1","1","1","1"` + "\n",
		"no number":    columns + `"SET","fast","1","1","1","1","1","1"` + "\n",
		"less columns": `"test","rps"` + "\n" + `"SET","1"` + "\n",
	} {
		if f, err := parseCSV(text); err == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestVersion(t *testing.T) {
	if got := parseVersion("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1\n"); got != "7.0.15" {
		t.Errorf("version %q", got)
	}
	if got := parseVersion("?"); got != "of unknown version" {
		t.Errorf("version %q", got)
	}
}

func TestRedisIsMeasured(t *testing.T) {
	if err := Installed(); err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("starts servers")
	}
	dir := t.TempDir()
	lines := 0
	o := Options{Dir: dir, Runs: 2, Duration: 50 * time.Millisecond, Callers: 4, ValueBytes: 100, Keys: 1000,
		Progress: func(string, ...any) { lines++ }}
	result, err := Measure(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Rows) != Cases() || lines != 2*Cases() || !strings.Contains(result.Version, ".") {
		t.Errorf("%d rows, %d lines of progress, version %s", len(result.Rows), lines, result.Version)
	}
	for _, row := range result.Rows {
		if row.OpsPerSecond <= 0 || row.P99Us < row.P50Us || row.CPUMax < row.CPUMin || row.Callers != 4 {
			t.Errorf("%+v", row)
		}
		if row.CallsPerOp == 0 {
			t.Errorf("%s: no system calls", row.Case)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d directories are left (%v)", len(entries), err)
	}
}

func TestRedisThatIsNotThereIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Measure(context.Background(), Options{}); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("error %v", err)
	}
}

func TestGauge(t *testing.T) {
	if err := Installed(); err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("starts a server")
	}
	g, err := StartGauge(context.Background(), Options{Dir: t.TempDir(), Duration: 100 * time.Millisecond, Callers: 4, ValueBytes: 100, Keys: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if cpu, err := g.CPUMicros(context.Background()); err != nil || cpu <= 0 {
			t.Errorf("%g µs, %v", cpu, err)
		}
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}
