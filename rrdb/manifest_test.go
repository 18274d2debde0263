package rrdb

import (
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// A manifest that cannot be written or synced once is the end of the store: the engine has lost track, and what it
// would do next brings the whole server down or writes the same rows twice. The directory opens as it was.
func TestManifestFailsOnce(t *testing.T) {
	for _, kind := range []faultfs.Kind{faultfs.OpWrite, faultfs.OpSync} {
		for n := range 4 {
			w := &faultRun{t: t, rng: rand.New(rand.NewPCG(1, uint64(n))), disk: newFaultDisk(t)}
			e := faultEngine(w.disk)
			s, err := e.Open(faultDir, StoreOptions{Gpid: testGpid, Server: testServer})
			if err != nil {
				t.Fatal(err)
			}
			left := n
			w.disk.Fail(func(op faultfs.Op) error {
				if op.Kind == kind && strings.Contains(op.Path, "MANIFEST") {
					if left--; left == -1 {
						return syscall.EIO
					}
				}
				return nil
			})
			for d := int64(1); d <= 400; d++ {
				if err = s.Apply(d, t0+d, 0, faultPut(d), nil); err == nil && d%10 == 0 {
					err = s.Flush()
				}
				w.applied = d
				if err != nil {
					break
				}
				w.durable = max(w.durable, s.LastDurable())
			}
			if !IsIO(err) || !errors.Is(err, syscall.EIO) {
				t.Fatalf("%s %d of the manifest failed, then: %v", kind, n, err)
			}
			if err := s.Flush(); !IsIO(err) {
				t.Errorf("flush of a store that failed: %v", err)
			}
			if err := s.Close(); err != nil && !IsIO(err) {
				t.Errorf("close: %v", err)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			if err := w.after(w.disk); err != nil {
				t.Errorf("%s %d of the manifest failed, afterwards: %v", kind, n, err)
			}
		}
	}
}
