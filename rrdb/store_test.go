package rrdb

import (
	"fmt"
	"math/rand"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

func TestDurableDecreeFollowsFlushes(t *testing.T) {
	r := newRig(t)
	eq(t, "new", r.s.LastDurable(), 0)
	r.put("h", "a", "1")
	eq(t, "in memory", r.s.LastDurable(), 0)
	if err := r.s.Flush(); err != nil {
		t.Fatal(err)
	}
	eq(t, "flushed", r.s.LastDurable(), 1)
	r.put("h", "b", "2")
	eq(t, "memory again", r.s.LastDurable(), 1)
	r.reopen() // Close flushes
	eq(t, "durable", r.s.LastDurable(), 2)
	eq(t, "applied", r.s.LastApplied(), 2)
	eq(t, "timestamp", r.s.LastAppliedTimestampUs(), t0+1)
	eq(t, "row", r.get("h", "b"), "2")
}

// After a crash the store holds exactly the mutations 1..d of the decree it tells.
func TestCrashLeavesAPrefix(t *testing.T) {
	for seed := range int64(12) {
		rnd := rand.New(rand.NewSource(seed))
		fs := vfs.NewCrashableMem()
		r := newRigOn(t, fs, func(o *EngineOptions) { o.MemtableBytesMax = 256 << 10 })
		digests := []Digest{r.digest()}
		flushed := int64(0)
		for range 40 {
			r.ts += rnd.Int63n(3e6)
			r.apply(randomMutation(rnd, 20, r.ts)...)
			digests = append(digests, r.digest())
			switch rnd.Intn(12) {
			case 0:
				if err := r.s.Flush(); err != nil {
					t.Fatal(err)
				}
				flushed = r.s.LastDurable()
			case 1:
				if _, err := r.s.Sweep(ctxb); err != nil {
					t.Fatal(err)
				}
			}
		}
		told := r.s.LastDurable()
		clone := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(seed) * 9, RNG: newRNG(seed)})
		after := newRigOn(t, clone)
		d := after.s.LastApplied()
		if d < flushed || d < told || d > 40 {
			t.Fatalf("seed %d: decree %d after the crash; flushed %d, told %d", seed, d, flushed, told)
		}
		if got := after.digest(); got != digests[d] {
			t.Fatalf("seed %d: at decree %d\n got %+v\nwant %+v", seed, d, got, digests[d])
		}
	}
}

// Flushing when there is nothing to flush is no failure.
func TestEmptyFlush(t *testing.T) {
	r := newRig(t)
	for range 3 {
		for range 3 {
			if err := r.s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		r.put("h", "s", "v")
	}
	eq(t, "failures", r.s.flushFails.Load(), 0)
	if _, err := r.s.Checkpoint("cp"); err != nil {
		t.Fatal(err)
	}
}

// When the disk has room again the store goes on by itself.
func TestDiskRecovers(t *testing.T) {
	fs := &fullFS{FS: vfs.NewMem()}
	r := newRigOn(t, fs)
	r.put("h", "a", "1")
	fs.full.Store(true)
	if err := r.s.Flush(); !IsNoSpace(err) {
		t.Fatal(err)
	}
	fs.full.Store(false)
	eventually(t, "recovery", func() bool { return r.s.LastDurable() == 1 })
	r.put("h", "b", "2")
	r.reopen()
	eq(t, "b", r.get("h", "b"), "2")
}

func TestCheckpoint(t *testing.T) {
	r := newRig(t)
	for i := range 50 {
		r.put("h", fmt.Sprint(i), "v")
	}
	want := r.digest()
	decree, err := r.s.Checkpoint("cp")
	if err != nil {
		t.Fatal(err)
	}
	eq(t, "decree", decree, 50)
	r.put("h", "later", "v")
	s, err := r.e.Open("cp", StoreOptions{Gpid: testGpid, Server: testServer, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Digest(ctxb)
	if err != nil || got != want {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	if err := s.Apply(51, t0+1e9, 0, nil, nil); err != nil {
		t.Fatalf("the copy does not go on: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.s.Checkpoint("cp"); err == nil {
		t.Error("an existing directory was overwritten")
	}
	if _, err := r.e.DecreeOf("cp"); err != nil {
		t.Errorf("the refused checkpoint touched what was there: %v", err)
	}
	if err := r.e.Destroy("cp"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.e.DecreeOf("cp"); err == nil {
		t.Error("destroyed and still there")
	}
	if err := r.e.Destroy("db"); err == nil {
		t.Error("an open store was destroyed")
	}
}

func TestCheckpointWhileWriting(t *testing.T) {
	r := newRig(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				r.put("h", fmt.Sprint(i%1000), fmt.Sprint(i))
			}
		}
	}()
	for i := range 5 {
		before := r.s.LastApplied()
		decree, err := r.s.Checkpoint(fmt.Sprint("cp", i))
		if err != nil || decree < before {
			t.Fatalf("decree %d, at least %d: %v", decree, before, err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestOpenErrorsHaveClasses(t *testing.T) {
	build := func(t *testing.T) *rig {
		r := newRig(t)
		for i := range 100 {
			r.put("h", fmt.Sprint(i), "value")
		}
		if err := r.s.Close(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	open := func(r *rig) error {
		s, err := r.e.Open("db", StoreOptions{Gpid: testGpid})
		if err == nil {
			r.s = s
		}
		return err
	}
	damage := func(r *rig, match string, f func(name string)) {
		names, _ := r.fs.List("db")
		n := 0
		for _, name := range names {
			if len(name) >= len(match) && (name[:len(match)] == match || name[len(name)-len(match):] == match) {
				f(r.fs.PathJoin("db", name))
				n++
			}
		}
		if n == 0 {
			r.Fatalf("no %s among %v", match, names)
		}
	}
	t.Run("missing table", func(t *testing.T) {
		r := build(t)
		damage(r, ".sst", func(name string) { r.fs.Remove(name) })
		if err := open(r); !IsCorruption(err) || IsIO(err) {
			t.Fatal(err)
		}
	})
	t.Run("damaged table", func(t *testing.T) {
		r := build(t)
		damage(r, ".sst", func(name string) {
			f, _ := r.fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
			f.WriteAt([]byte("scribble scribble scribble"), 10)
			f.Close()
		})
		if err := open(r); !IsCorruption(err) {
			t.Fatal(err)
		}
	})
	t.Run("damaged manifest", func(t *testing.T) {
		r := build(t)
		damage(r, "MANIFEST", func(name string) {
			f, _ := r.fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
			f.WriteAt([]byte("scribble scribble scribble"), 0)
			f.Close()
		})
		if err := open(r); !IsCorruption(err) {
			t.Fatal(err)
		}
	})
	t.Run("rows without a state record", func(t *testing.T) {
		r := newRig(t)
		r.s.db.Set(rawKey("h", "s"), make([]byte, 12), pebble.NoSync)
		r.s.Close()
		if err := open(r); !IsCorruption(err) {
			t.Fatal(err)
		}
	})
	for name, record := range map[string][]byte{"future format": {stateFormat + 1, 1}, "future schema": appendState(nil, 2, 1, 1), "short": {stateFormat, 1, 0}, "negative decree": appendState(nil, 1, -4, 1)} {
		t.Run(name, func(t *testing.T) {
			r := build(t)
			if err := open(r); err != nil {
				t.Fatal(err)
			}
			r.s.db.Set(stateKey, record, pebble.NoSync)
			r.s.Close()
			if err := open(r); !IsCorruption(err) {
				t.Fatal(err)
			}
		})
	}
	t.Run("another comparer", func(t *testing.T) {
		r := build(t)
		db, err := pebble.Open("other", &pebble.Options{FS: r.fs})
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
		if _, err := r.e.Open("other", StoreOptions{}); !IsCorruption(err) {
			t.Fatal(err)
		}
	})
	t.Run("must exist", func(t *testing.T) {
		r := build(t)
		if _, err := r.e.Open("nowhere", StoreOptions{MustExist: true}); err == nil || IsCorruption(err) || IsIO(err) {
			t.Fatal(err)
		}
	})
}

// A store that is open is not opened again, and that is no corruption.
func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	e := NewEngine(EngineOptions{SweepPeriod: -1})
	defer e.Close()
	s, err := e.Open(dir+"/db", StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := e.Open(dir+"/db", StoreOptions{}); err == nil || IsCorruption(err) {
		t.Fatal(err)
	}
	os.WriteFile(dir+"/file", nil, 0o600)
	if _, err := e.Open(dir+"/file/db", StoreOptions{}); err == nil || IsCorruption(err) {
		t.Fatalf("a path through a file: %v", err)
	}
}

// fullFS has no room for writes while full is set.
type fullFS struct {
	vfs.FS
	full atomic.Bool
}

type fullFile struct {
	vfs.File
	fs *fullFS
}

func (f *fullFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if f.full.Load() {
		return nil, &os.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	file, err := f.FS.Create(name, c)
	return &fullFile{file, f}, err
}

func (f *fullFile) Write(p []byte) (int, error) {
	if f.fs.full.Load() {
		return 0, &os.PathError{Op: "write", Err: syscall.ENOSPC}
	}
	return f.File.Write(p)
}

// On a full disk a flush fails with its class, the store says so, goes on applying and reading,
// closes without hanging, and loses nothing that was durable.
func TestFullDisk(t *testing.T) {
	fs := &fullFS{FS: vfs.NewMem()}
	e := NewEngine(EngineOptions{FS: fs, SweepPeriod: -1})
	defer e.Close()
	var told atomic.Int64
	s, err := e.Open("db", StoreOptions{Gpid: testGpid, Server: testServer, OnError: func(err error) {
		if IsNoSpace(err) && IsIO(err) {
			told.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{TB: t, e: e, s: s, ts: t0, rc: ReadContext{Now: now0}}
	r.put("h", "a", "1")
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	fs.full.Store(true)
	r.put("h", "b", "2")
	if err := s.Flush(); !IsNoSpace(err) {
		t.Fatalf("flush: %v", err)
	}
	eventually(t, "OnError", func() bool { return told.Load() > 0 })
	r.put("h", "c", "3")
	eq(t, "reads", r.get("h", "c"), "3")
	eq(t, "durable", s.LastDurable(), 1)
	if _, err := s.Checkpoint("cp"); !IsNoSpace(err) {
		t.Errorf("checkpoint: %v", err)
	}
	big := Update{OpPut, body(1, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", "big")), Value: blob(string(make([]byte, 100_000)))})}
	for n := 0; ; n++ { // writes are refused before the engine would stall them
		if _, err := r.applyErr(big); err != nil {
			if !IsNoSpace(err) || n < 10 {
				t.Errorf("apply %d: %v", n, err)
			}
			break
		}
	}
	eq(t, "reads go on", r.get("h", "c"), "3")
	done := make(chan error, 1)
	go func() { done <- s.Close() }()
	select {
	case err := <-done:
		if !IsNoSpace(err) {
			t.Errorf("close: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("close hangs on a full disk")
	}
	fs.full.Store(false)
	if r.s, err = e.Open("db", StoreOptions{Gpid: testGpid, Server: testServer}); err != nil {
		t.Fatal(err)
	}
	defer r.s.Close()
	eq(t, "decree", r.s.LastApplied(), 1)
	eq(t, "row", r.get("h", "a"), "1")
}

// Close waits for running reads and ends long ones; afterwards everything is refused politely.
func TestCloseUnderLoad(t *testing.T) {
	r := newRig(t)
	var pairs []string
	for i := range 3000 {
		pairs = append(pairs, fmt.Sprintf("%05d", i), "v")
	}
	r.multiPut("h", pairs...)
	var wg sync.WaitGroup
	reads := map[Op][]byte{
		OpGet: body(1, base.BlobOf(rawKey("h", "00001"))), OpMultiGet: body(1, rng("", true, "", false)), OpSortkeyCount: body(1, blob("h")),
		OpGetScanner: body(1, fullScan(10)), OpBatchGet: body(1, &rrdb.BatchGetRequest{Keys: []*rrdb.FullKey{{HashKey: blob("h"), SortKey: blob("00002")}}}),
	}
	for op, b := range reads {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				if _, st := r.s.Read(op, b, nil, r.rc); st.Err != base.ErrOK {
					eq(t, "refused", st.Err, base.ErrInvalidState)
					return
				}
			}
		}()
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		for ts := r.ts; ; ts++ {
			if err := r.s.Apply(r.s.LastApplied()+1, ts, 0, []Update{{OpRemove, body(1, base.BlobOf(rawKey("h", "x")))}}, nil); err != nil {
				if !IsClosed(err) {
					t.Errorf("apply: %v", err)
				}
				return
			}
		}
	}()
	r.s.TriggerSweep()
	time.Sleep(50 * time.Millisecond)
	if err := r.s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := r.s.Close(); err != nil && !IsClosed(err) {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := r.s.Digest(ctxb); !IsClosed(err) {
		t.Errorf("digest: %v", err)
	}
	if err := r.s.Flush(); !IsClosed(err) {
		t.Errorf("flush: %v", err)
	}
	eq(t, "last durable is still known", r.s.LastDurable() > 0, true)
}

// When the budget over all stores is spent, the largest store is flushed.
func TestMemtableBudget(t *testing.T) {
	e := NewEngine(EngineOptions{FS: vfs.NewMem(), MemtableBudgetBytes: 1 << 20, SweepPeriod: -1})
	defer e.Close()
	var stores []*Store
	for i := range 4 {
		s, err := e.Open(fmt.Sprint("db", i), StoreOptions{Gpid: base.Gpid{AppID: 1, PartitionIndex: int32(i)}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores = append(stores, s)
	}
	value := blob(string(make([]byte, 10_000)))
	for i := range 300 {
		s := stores[min(i%8, 3)] // the last one takes most
		b := body(1, &rrdb.UpdateRequest{Key: base.BlobOf(rawKey("h", fmt.Sprint(i))), Value: value})
		if err := s.Apply(s.LastApplied()+1, t0, 0, []Update{{OpPut, b}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "relief", func() bool { return e.UnflushedBytes() <= 1<<20+100_000 && stores[3].LastDurable() > 0 })
	if e.UnflushedBytes() < 0 {
		t.Errorf("%d bytes unflushed", e.UnflushedBytes())
	}
}

func TestEngineCloseWantsClosedStores(t *testing.T) {
	e := NewEngine(EngineOptions{FS: vfs.NewMem()})
	s, err := e.Open("db", StoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Close() == nil {
		t.Error("closed under a store")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open("db", StoreOptions{}); !IsClosed(err) {
		t.Errorf("open after close: %v", err)
	}
}

func TestEnvs(t *testing.T) {
	r := newRig(t)
	eq(t, "default", r.s.envs.Load().iterationTime, 30*time.Second)
	r.s.SetEnvs(map[string]string{EnvIterationMs: "50", EnvSlowQueryMs: "0x20", EnvUsageScenario: "bulk_load", "business.info": "x"})
	v := r.s.envs.Load()
	eq(t, "iteration", v.iterationTime, 50*time.Millisecond)
	eq(t, "slow", v.slowQuery, 32*time.Millisecond)
	eq(t, "scenario", r.s.UsageScenario(), "bulk_load")
	r.s.SetEnvs(map[string]string{EnvIterationMs: "-1", EnvSlowQueryMs: "19", EnvUsageScenario: "fast"})
	v = r.s.envs.Load()
	eq(t, "refused means default", v.iterationTime, 30*time.Second)
	eq(t, "slow", v.slowQuery, 100*time.Millisecond)
	eq(t, "scenario", r.s.UsageScenario(), "normal")
}

func TestAbnormalReadsAreCounted(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) {
		o.AbnormalGetBytes, o.AbnormalMultiGetIterCount, o.AbnormalBatchGetCount = 3, 2, 1
	})
	r.multiPut("h", "a", "12", "b", "123")
	for i, read := range []func(){
		func() { r.get("h", "a") },
		func() { r.get("h", "b") },
		func() { r.multiGet(rng("a", true, "a", true)) },
		func() { r.multiGet(rng("a", true, "b", true)) },
		func() {
			r.read(OpBatchGet, &rrdb.BatchGetRequest{Keys: []*rrdb.FullKey{{HashKey: blob("h"), SortKey: blob("a")}}}, &rrdb.BatchGetResponse{})
		},
	} {
		read()
		eq(t, fmt.Sprint("after ", i), r.s.stats.abnormalReads.Load(), []int64{0, 1, 1, 2, 3}[i])
	}
}

// A configuration that says "no limit" the way upstream does, -1, gets the defaults.
func TestOptionsThatCannotBe(t *testing.T) {
	e := NewEngine(EngineOptions{FS: vfs.NewMem(), FilesMax: -1, BlockCacheBytes: -1, MemtableBudgetBytes: -1, MemtableBytesMax: 1 << 40, CompactionsMax: -1,
		ScanIterationsMax: -1, ScanContextsMax: -1, MultiGetIterationsMax: -1, MultiGetIterationBytesMax: -1, IterationTimeMs: -1, SlowQueryMs: -1})
	defer e.Close()
	s, err := e.Open("db", StoreOptions{Gpid: testGpid, Server: testServer})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := &rig{TB: t, e: e, s: s, ts: t0, rc: ReadContext{Now: now0}}
	r.multiPut("h", "a", "1", "b", "2")
	eq(t, "multi_get", r.multiGet(rng("", true, "", false)), "0: a=1 b=2")
	rows, _ := r.drain(r.scanner(fullScan(1)))
	eq(t, "scan", rows, "h/a=1 h/b=2")
}
