package main

import (
	"strings"
	"testing"
	"time"
)

func TestSummaryKeepsFatesApart(t *testing.T) {
	r := round{fates: []fate{lostPrimary, lostNothing, lostNothing}, writes: make([]track, 3), reads: make([]track, 3), healthy: time.Second}
	for i := range r.writes {
		for n := range 100 {
			r.writes[i].note(n < 50, time.Duration(n)*time.Millisecond, time.Duration(n)*time.Millisecond)
			r.reads[i].note(n < 50, time.Millisecond, time.Millisecond)
		}
	}
	r.writes[0].note(false, 3*time.Second, 4*time.Second)
	r.reads[2].errors = 7
	got := summary([]round{r, r})
	for _, want := range []string{
		"its primary  writes           2           4s          4s         49ms        49ms          3s       49ms       0",
		"nothing      writes           4         99ms        99ms         49ms        49ms        99ms       49ms       0",
		"nothing      reads            4          1ms         1ms          1ms         1ms         1ms        1ms      14",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "a secondary") {
		t.Errorf("nobody lost a secondary:\n%s", got)
	}
}

func TestKeysHitEveryPartition(t *testing.T) {
	for _, key := range keyPerPartition(16) {
		if len(key) == 0 {
			t.Error("a partition without a key")
		}
	}
}
