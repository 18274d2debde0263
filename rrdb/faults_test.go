package rrdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// faultRun is the life of a store on a disk with one fault, and what its replica's log would know.
type faultRun struct {
	t       *testing.T
	rng     *rand.Rand
	disk    *faultfs.Disk
	next    *faultfs.Disk // after a crash in the middle
	durable int64         // a decree that the store said is on disk
	applied int64         // tried, at least
	errs    []error
}

var faults = []struct {
	name string
	do   func(w *faultRun, op faultfs.Op) error
}{
	{"EIO", func(*faultRun, faultfs.Op) error { return syscall.EIO }},
	{"ENOSPC from now on", func(w *faultRun, op faultfs.Op) error {
		w.disk.Fail(faultfs.Refuse(syscall.ENOSPC, faultfs.OpWrite, faultfs.OpWriteAt, faultfs.OpCreate, faultfs.OpMkdir))
		return syscall.ENOSPC
	}},
	{"EIO from now on", func(w *faultRun, op faultfs.Op) error {
		w.disk.Fail(func(faultfs.Op) error { return syscall.EIO })
		return syscall.EIO
	}},
	{"short", func(w *faultRun, op faultfs.Op) error {
		return &faultfs.Short{Bytes: op.Bytes / 2, Err: syscall.EIO}
	}},
	{"power off", func(w *faultRun, op faultfs.Op) error {
		w.next = w.disk.Crash(w.rng, faultfs.AnyCrash(w.rng))
		return nil // the operation meets the dead disk
	}},
}

const faultDir = "/reps/3.2.pegasus/data/rdb"

func newFaultDisk(t testing.TB) *faultfs.Disk {
	d := faultfs.New(faultfs.Options{})
	dir := "/reps/3.2.pegasus/data"
	if err := d.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for ; ; dir = d.PathDir(dir) {
		f, err := d.OpenDir(dir)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		if dir == "/" {
			return d
		}
	}
}

func (w *faultRun) note(err error) {
	if err != nil {
		w.errs = append(w.errs, err)
	}
}

func faultKey(decree int64) string { return fmt.Sprintf("%04d", decree%40) }

func faultValue(decree int64) string { return strings.Repeat(fmt.Sprint(decree, " "), 40) }

func faultPut(decree int64) []Update {
	return []Update{{OpPut, body(1, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", faultKey(decree))), Value: blob(faultValue(decree))})}}
}

func faultEngine(disk *faultfs.Disk) *Engine {
	return NewEngine(EngineOptions{FS: disk, BlockCacheBytes: 1 << 20, MemtableBytesMax: 1 << 20, SweepPeriod: -1, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// live opens the store three times, each time applying, flushing, reading, making a checkpoint and compacting. Every
// error is noted; a store that has failed is closed and opened again.
func (w *faultRun) live() {
	e := faultEngine(w.disk)
	for life := range 3 {
		s, err := e.Open(faultDir, StoreOptions{Gpid: testGpid, Server: testServer})
		if err != nil {
			w.note(err)
			continue
		}
		for d := s.LastApplied() + 1; d <= int64(life+1)*60; d++ {
			w.applied = max(w.applied, d)
			if err := s.Apply(d, t0+d, 0, faultPut(d), nil); err != nil {
				w.note(err)
				break
			}
			if d%25 == 0 {
				w.note(s.Flush())
				w.durable = max(w.durable, s.LastDurable())
			}
		}
		w.read(s)
		at := fmt.Sprintf("/reps/3.2.pegasus/data/checkpoint.%d", life)
		if decree, err := s.Checkpoint(at); err != nil {
			w.note(err)
		} else {
			w.durable = max(w.durable, decree) // Checkpoint flushes
		}
		w.note(s.Compact(context.Background()))
		w.read(s)
		w.note(s.Close())
		w.durable = max(w.durable, s.LastDurable())
	}
	if err := e.Close(); err != nil {
		w.t.Errorf("engine: %v", err)
	}
}

// read scans everything: the rows of exactly what was applied, or an error.
func (w *faultRun) read(s *Store) {
	if err := rowsFit(s); err != nil {
		w.note(err)
	}
}

func rowsFit(s *Store) error {
	out, st := s.Read(OpMultiGet, body(1, rng("", true, "", false)), nil, ReadContext{Now: now0, PartitionVersion: 3})
	if st.StorageErr != nil {
		return st.StorageErr
	}
	var resp rrdb.MultiGetResponse
	if err := decodeReply(out, &resp); err != nil {
		return fmt.Errorf("wrong rows: %w", err)
	}
	last := s.LastApplied()
	if want := int(min(last, 40)); len(resp.Kvs) != want {
		return fmt.Errorf("wrong rows: %d instead of %d at decree %d, status %d", len(resp.Kvs), want, last, resp.Error)
	}
	newest := map[string]string{}
	for d := max(1, last-39); d <= last; d++ {
		newest[faultKey(d)] = faultValue(d)
	}
	for _, kv := range resp.Kvs {
		if newest[string(kv.Key.Bytes())] != string(kv.Value.Bytes()) {
			return fmt.Errorf("wrong rows: %s is %.20q at decree %d", kv.Key.Bytes(), kv.Value.Bytes(), last)
		}
	}
	return nil
}

// complaint says what is wrong with an error: it must be of this package, name its operation and the store's directory,
// and have the cause inside.
func complaint(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return "is no Error"
	}
	cause := errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, faultfs.ErrPowerOff)
	if e.Op == "" || !cause || !strings.Contains(err.Error(), "/reps/3.2.pegasus") {
		return "does not name operation, path and cause"
	}
	if IsCorruption(err) {
		return "calls a failing disk corrupt"
	}
	return ""
}

// after opens what the fault left: it holds what was durable, row for row, and takes the rest of the log.
func (w *faultRun) after(disk *faultfs.Disk) error {
	e := faultEngine(disk)
	s, err := e.Open(faultDir, StoreOptions{Gpid: testGpid, Server: testServer})
	if err != nil {
		return err
	}
	if last := s.LastApplied(); last < w.durable || last > w.applied {
		return fmt.Errorf("store ends at decree %d; %d was durable, %d applied", last, w.durable, w.applied)
	}
	if err := rowsFit(s); err != nil {
		return err
	}
	for d := s.LastApplied() + 1; d <= 200; d++ {
		if err := s.Apply(d, t0+d, 0, faultPut(d), nil); err != nil {
			return err
		}
	}
	err = errors.Join(s.Flush(), rowsFit(s), s.Compact(context.Background()), rowsFit(s), s.Close(), e.Close())
	return err
}

// TestEveryFaultAtEveryOperation lets operations of each kind meet each fault: at most a dozen of a kind, all of them
// with PEGASUS_TEST_LONG=1.
func TestEveryFaultAtEveryOperation(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	calm := &faultRun{t: t, rng: rand.New(rand.NewPCG(1, 1)), disk: newFaultDisk(t)}
	before := calm.disk.Counts()
	calm.live()
	if len(calm.errs) > 0 {
		t.Fatal(calm.errs)
	}
	t.Log(calm.disk.Counts())
	perKind := int64(4)
	if os.Getenv("PEGASUS_TEST_LONG") != "" {
		perKind = 1 << 40
	}
	var fired, silent atomic.Int64
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8) // most of a run is waiting for retries
	for _, f := range faults {
		for _, k := range faultfs.Kinds() {
			if f.name == "short" && k != faultfs.OpWrite && k != faultfs.OpReadAt {
				continue
			}
			count := calm.disk.Counts().Of(k) - before.Of(k)
			for n := int64(1); n <= count; n += max(1, count/perKind) {
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					w := &faultRun{t: t, rng: rand.New(rand.NewPCG(uint64(n), uint64(k))), disk: newFaultDisk(t)}
					nth := &faultfs.Nth{Kind: k, N: n, Do: func(op faultfs.Op) error { return f.do(w, op) }}
					w.disk.Fail(nth.Hook)
					err := w.meet()
					if nth.Fired() {
						fired.Add(1)
						if len(w.errs) == 0 {
							silent.Add(1)
						}
					}
					if err != nil {
						t.Errorf("%s at %s %d: %v", f.name, k, n, err)
					}
				})
			}
		}
	}
	wg.Wait()
	t.Logf("%d faults, %d of them without any error", fired.Load(), silent.Load())
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// meet lives with the fault and looks at what it did.
func (w *faultRun) meet() error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.live()
	}()
	select {
	case <-ended:
	case <-time.After(60 * time.Second):
		return errors.New("hangs")
	}
	w.disk.Fail(nil)
	for _, err := range w.errs {
		if what := complaint(err); what != "" {
			return fmt.Errorf("error %q %s", err, what)
		}
	}
	if w.next == nil {
		w.next = w.disk.Crash(w.rng, faultfs.AnyCrash(w.rng))
	}
	if err := w.after(w.next); err != nil {
		return fmt.Errorf("%q, and afterwards: %w", w.errs, err)
	}
	return nil
}

// decodeReply is unwrap without a test.
func decodeReply(b []byte, v *rrdb.MultiGetResponse) error {
	_, err := rpc.ReadValue(b, v)
	return err
}
