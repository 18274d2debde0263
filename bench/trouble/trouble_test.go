package trouble

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/bench"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options() Options {
	return Options{Rate: 100, Rows: 10, ValueBytes: 10, LearnBytes: learnBytesMin, Quiet: time.Second, Length: time.Second, PlogSync: "none",
		Progress: func(string, ...any) {}}
}

func TestOptionsAreChecked(t *testing.T) {
	if o := options(); o.check() != nil {
		t.Error(o.check())
	}
	for want, change := range map[string]func(*Options){
		"rate": func(o *Options) { o.Rate = -1 }, "to learn": func(o *Options) { o.LearnBytes = 1 }, "phase": func(o *Options) { o.Quiet = 0 },
		"rows": func(o *Options) { o.Rows = 0 }, "unknown trouble": func(o *Options) { o.Troubles = []string{"flood"} },
	} {
		o := options()
		change(&o)
		if err := o.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not speak of %q", err, want)
		}
	}
	chosen, err := choose([]string{"balance", "learn"})
	if err != nil || len(chosen) != 2 || chosen[0].name != "learn" || chosen[1].name != "balance" {
		t.Errorf("chosen %v (%v), want learn and balance in the order of the list", chosen, err)
	}
}

// Operations belong to the window in which they were due, whenever they ended.
func TestLatencyIsThatOfWhatWasDueInTheWindow(t *testing.T) {
	began := time.Unix(1000, 0)
	s := newSamples(began)
	for i := range 1000 {
		s.add(bench.Observation{Kind: "get", Due: began.Add(time.Duration(i) * time.Millisecond), Latency: time.Duration(i) * time.Microsecond})
	}
	s.add(bench.Observation{Kind: "get", Due: began.Add(999 * time.Millisecond), Latency: time.Second, Failure: "ERR_TIMEOUT"})
	s.add(bench.Observation{Kind: "set", Due: began, Latency: time.Minute})
	l := s.latency("get", window{0, 100 * time.Millisecond}, window{900 * time.Millisecond, time.Second})
	if l.Operations != 201 || l.Errors != 1 || l.P50 != 900*time.Microsecond || l.P99 != 998*time.Microsecond || l.Max != time.Second {
		t.Errorf("%+v", l)
	}
	if s.reasons["ERR_TIMEOUT"] != 1 {
		t.Errorf("reasons %v", s.reasons)
	}
	if l := s.latency("get", window{2 * time.Second, 3 * time.Second}); l != (Latency{}) {
		t.Errorf("%+v in a window without operations", l)
	}
	points := s.perSecond("get", 2500*time.Millisecond)
	if len(points) != 1 || points[0].X != 0.5 || points[0].Y != 0.99 {
		t.Errorf("by second: %v", points)
	}
}

func measured(t *testing.T) *Measured {
	t.Helper()
	o := options()
	began := time.Unix(1000, 0)
	seen := newSamples(began)
	for i := range 4000 {
		latency := time.Millisecond
		if i >= 2000 {
			latency = 3 * time.Millisecond
		}
		for _, kind := range kinds {
			seen.add(bench.Observation{Kind: kind, Due: began.Add(time.Duration(i) * time.Millisecond), Latency: latency})
		}
	}
	s := &stage{cluster: &cluster{o: &o}, say: o.Progress, began: time.Now().Add(-2 * time.Second)}
	s.begin("trouble <begins>")
	s.began = time.Now().Add(-4 * time.Second)
	s.end("over")
	m := &Measured{Name: "learn", Date: began, Rate: 2000, of: list[0], o: &o}
	m.seen(s, seen, window{0, 2 * time.Second}, 4*time.Second)
	return m
}

func TestPageHoldsRatioAndPicture(t *testing.T) {
	m := measured(t)
	page := filepath.Join(t.TempDir(), "trouble.md")
	if err := os.WriteFile(page, []byte("before\n<!-- trouble-learn:begin -->\n<!-- trouble-learn:end -->\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Check(page, []string{"learn"}); err != nil {
		t.Error(err)
	}
	if Check(page, []string{"compact"}) == nil {
		t.Error("a page without the marker has a place for it")
	}
	if err := m.Write(page); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	for _, want := range []string{"before", "| set | 1.00 / 1.00 / 1.00 | 3.00 / 3.00 / 3.00 | 3.00 | **no** |", "trouble-learn.svg", "after"} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("no %q in the page (%v):\n%s", want, err, text)
		}
	}
	picture, err := os.ReadFile(filepath.Join(filepath.Dir(page), "trouble-learn.svg"))
	if err != nil || !strings.Contains(string(picture), "trouble &lt;begins&gt;") {
		t.Errorf("picture (%v):\n%s", err, picture)
	}
}

func TestClusterThatDoesNotStartIsTold(t *testing.T) {
	o := options()
	o.Executable, o.Dir = filepath.Join(t.TempDir(), "missing"), t.TempDir()
	err := Run(context.Background(), o, func(*Measured) error { return errors.New("nothing was measured") })
	if err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("error %v", err)
	}
	if entries, err := os.ReadDir(o.Dir); err != nil || len(entries) != 0 {
		t.Errorf("%d directories are left (%v)", len(entries), err)
	}
}
