package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// track is what one caller of one partition saw, before the harm and after it.
type track struct {
	before, after       []time.Duration // latencies
	gapBefore, gapAfter time.Duration   // the longest time without an acknowledged operation
	errors              int
}

// loop calls without a pause longer than a few milliseconds; the client retries by itself.
func (t *track) loop(ctx context.Context, harmAt, stop time.Time, call func(context.Context) error) {
	last := time.Now()
	for time.Now().Before(stop) {
		attempt, cancel := context.WithTimeout(ctx, opTimeout)
		start := time.Now()
		err := call(attempt)
		cancel()
		if err != nil {
			t.errors++
			continue
		}
		t.note(time.Now().Before(harmAt), time.Since(start), time.Since(last))
		last = time.Now()
		time.Sleep(opPause)
	}
}

func (t *track) note(before bool, took, gap time.Duration) {
	if before {
		t.before, t.gapBefore = append(t.before, took), max(t.gapBefore, gap)
		return
	}
	t.after, t.gapAfter = append(t.after, took), max(t.gapAfter, gap)
}

// summary puts all repetitions together, by what the partitions lost.
func summary(rounds []round) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-12s %-7s %10s  %23s  %23s  %21s  %6s\n", "lost", "", "partitions", "longest gap after harm", "longest gap before", "p99 after / before", "errors")
	fmt.Fprintf(&b, "%-12s %-7s %10s  %11s %11s  %11s %11s\n", "", "", "", "median", "max", "median", "max")
	for f, name := range fateNames {
		for _, kind := range []string{"writes", "reads"} {
			line(&b, name, kind, pick(rounds, fate(f), kind))
		}
	}
	var healthy []time.Duration
	for _, r := range rounds {
		healthy = append(healthy, r.healthy)
	}
	fmt.Fprintf(&b, "\nall members back: median %v, max %v after the start of the server\n", ms(quantile(healthy, 0.5)), ms(slices.Max(healthy)))
	return b.String()
}

func pick(rounds []round, f fate, kind string) (out []track) {
	for _, r := range rounds {
		tracks := r.writes
		if kind == "reads" {
			tracks = r.reads
		}
		for i, g := range r.fates {
			if g == f {
				out = append(out, tracks[i])
			}
		}
	}
	return out
}

func line(b *strings.Builder, name, kind string, tracks []track) {
	if len(tracks) == 0 {
		return
	}
	var before, after, gapsBefore, gapsAfter []time.Duration
	errors := 0
	for _, t := range tracks {
		before, after = append(before, t.before...), append(after, t.after...)
		gapsBefore, gapsAfter = append(gapsBefore, t.gapBefore), append(gapsAfter, t.gapAfter)
		errors += t.errors
	}
	fmt.Fprintf(b, "%-12s %-7s %10d  %11v %11v  %11v %11v  %10v %10v  %6d\n", name, kind, len(tracks),
		ms(quantile(gapsAfter, 0.5)), ms(slices.Max(gapsAfter)), ms(quantile(gapsBefore, 0.5)), ms(slices.Max(gapsBefore)),
		ms(quantile(after, 0.99)), ms(quantile(before, 0.99)), errors)
}

// quantile sorts its argument; 0 of nothing.
func quantile(v []time.Duration, q float64) time.Duration {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[min(len(v)-1, int(q*float64(len(v))))]
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
