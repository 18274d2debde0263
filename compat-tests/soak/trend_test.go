package soak

import (
	"context"
	"encoding/xml"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"testing"
	"time"
)

// series is a watch of ten minutes whose goroutines follow f.
func series(f func(i int, random *rand.Rand) float64) []Sample {
	random := rand.New(rand.NewPCG(3, 4))
	var out []Sample
	for i := range 120 {
		out = append(out, Sample{At: time.Duration(i) * 5 * time.Second, Goroutines: f(i, random), RSSBytes: 30 * mib, FDs: 50, Threads: 12})
	}
	return out
}

var goroutines = Measures[2]

func TestVerdicts(t *testing.T) {
	for _, tc := range []struct {
		name string
		flat bool
		f    func(i int, random *rand.Rand) float64
	}{
		{"still", true, func(int, *rand.Rand) float64 { return 100 }},
		{"noise", true, func(_ int, r *rand.Rand) float64 { return 100 + 20*r.Float64() }},
		{"growth that ends with the warm-up", true, func(i int, _ *rand.Rand) float64 { return 50 + float64(min(i, 55)) }},
		{"a burst at the end", true, func(i int, _ *rand.Rand) float64 { return 100 + float64(i/110)*500 }},
		{"shrinks", true, func(i int, _ *rand.Rand) float64 { return 500 - float64(i) }},
		{"one more every 10 s", false, func(i int, _ *rand.Rand) float64 { return 100 + float64(i/2) }},
		{"the same under noise", false, func(i int, r *rand.Rand) float64 { return 100 + float64(i/2) + 20*r.Float64() }},
		{"a saw tooth that climbs", false, func(i int, _ *rand.Rand) float64 { return 100 + float64(i) + float64(i%10) }},
	} {
		if v := Judge(series(tc.f), goroutines); v.Flat() != tc.flat {
			t.Errorf("%s: %v", tc.name, v)
		}
	}
}

func TestLookAtThisProcess(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/pprof/heap", pprof.Handler("heap"))
	mux.Handle("/pprof/goroutine", pprof.Handler("goroutine"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	look := func() Sample {
		t.Helper()
		s, err := Look(context.Background(), os.Getpid(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := look()
	const extra = 50
	stop := make(chan struct{})
	defer close(stop)
	for range extra {
		go func() { <-stop }()
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	held := make([]byte, 16*mib)
	for i := range held {
		held[i] = 1
	}
	after := look()
	const slack = 10 // what the first look needed and the second did not
	if after.Goroutines < before.Goroutines+extra-slack || after.FDs < before.FDs+extra-slack || after.HeapBytes < before.HeapBytes+15*mib || after.RSSBytes < 16*mib {
		t.Errorf("before %+v, after %+v (%d)", before, after, held[0])
	}
}

func TestPictureIsWellFormed(t *testing.T) {
	w := Watch{Names: []string{"replica1", "meta<1>"}, Series: map[string][]Sample{}}
	for _, n := range w.Names {
		w.Series[n] = series(func(i int, r *rand.Rand) float64 { return float64(i) * r.Float64() })
	}
	var svg, csv strings.Builder
	if err := w.WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(svg.String()))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteCSV(&csv); err != nil || strings.Count(csv.String(), "\n") != 241 {
		t.Errorf("%v, %d lines", err, strings.Count(csv.String(), "\n"))
	}
}
