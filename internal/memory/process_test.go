package memory

import (
	"runtime/debug"
	"testing"
)

func TestClaimsOfAProcessAddUp(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := Now()
	check := func(limit int64, percent int) {
		t.Helper()
		if now := Now(); now.GoLimit != limit || now.GCPercent != int64(percent) {
			t.Errorf("limit %d and %d %%, want %d and %d %%", now.GoLimit, now.GCPercent, limit, percent)
		}
	}
	e, releaseA := Claim(Runtime{LimitBytes: 3 * gib, GCPercent: 300})
	check(3*gib, 300)
	if e != (Effect{LimitBytes: 3 * gib, GCPercent: 300}) {
		t.Errorf("%+v", e)
	}
	_, releaseB := Claim(Runtime{LimitBytes: 2 * gib, GCPercent: 150})
	check(5*gib, 150)
	releaseB()
	releaseB() // a second time is nothing
	check(3*gib, 300)
	releaseA()
	check(before.GoLimit, int(before.GCPercent))
}

func TestTheEnvironmentComesFirst(t *testing.T) {
	t.Setenv("GOGC", "50")
	t.Setenv("GOMEMLIMIT", "4GiB")
	before := Now()
	e, release := Claim(Runtime{LimitBytes: 3 * gib, GCPercent: 300})
	defer release()
	if now := Now(); now.GoLimit != before.GoLimit || now.GCPercent != before.GCPercent || !e.LimitFromEnv || !e.PercentFromEnv {
		t.Errorf("limit %d, %d %%, %+v", now.GoLimit, now.GCPercent, e)
	}
}

func TestNowSeesAllocations(t *testing.T) {
	before := Now()
	held := make([]byte, 64*mib)
	for i := range held {
		held[i] = 1
	}
	now := Now()
	if now.GoLive < before.GoLive+48*mib || now.GoHeld < now.GoLive || now.Resident != 0 && now.Resident < 64*mib {
		t.Errorf("%+v, then %+v with %d bytes more", before, now, len(held))
	}
	debug.FreeOSMemory()
	if after := Now(); after.Collections <= before.Collections {
		t.Errorf("%d collections, then %d", before.Collections, after.Collections)
	}
}
