package rrdb

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// TestVerifyFindsEveryFlippedBit flips bits of tables, one at a time: Verify says so, or the store is none the worse.
func TestVerifyFindsEveryFlippedBit(t *testing.T) {
	d := faultfs.New(faultfs.Options{})
	r := filled(t, d)
	r.open()
	want, err := r.s.Digest(context.Background())
	if err == nil {
		err = r.s.Close()
	}
	r.s = nil
	if err != nil {
		t.Fatal(err)
	}
	read := int64(0)
	if err := r.e.Verify(context.Background(), "db", func(n int) error { read += int64(n); return nil }); err != nil || read < 1000 {
		t.Fatalf("undamaged: %d bytes, %v", read, err)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	isTable := func(path string) bool { return strings.HasSuffix(path, ".sst") }
	found := 0
	for range 120 {
		clone := d.Clone(nil, faultfs.CrashOptions{KeepAll: true})
		path, bit, _ := clone.RandomBit(rng, "/", isTable)
		if err := clone.FlipBit(path, bit); err != nil {
			t.Fatal(err)
		}
		e := faultEngine(clone)
		err := e.Verify(context.Background(), "db", nil)
		switch {
		case IsCorruption(err):
			found++
		case err != nil:
			t.Errorf("bit %d of %s: %v", bit, path, err)
		default:
			s, err := e.Open("db", StoreOptions{Gpid: testGpid, Server: testServer})
			if err != nil {
				t.Fatalf("bit %d of %s: verified, and then %v", bit, path, err)
			}
			if got, err := s.Digest(context.Background()); err != nil || got != want {
				t.Errorf("bit %d of %s: verified, and then %v, %v", bit, path, got, err)
			}
			_ = s.Close()
		}
		_ = e.Close()
	}
	if found < 114 {
		t.Errorf("%d of 120 found", found)
	}
}
