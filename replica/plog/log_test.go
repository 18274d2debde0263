package plog

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/pegasus-go/pegasus/internal/host"
)

func TestReplayGivesWhatWasAppendedInOrder(t *testing.T) {
	for _, mode := range []SyncMode{SyncAlways, SyncInterval, SyncNone} {
		fs := newMem(t)
		var want []Entry
		for start := range int64(4) {
			l := mustOpen(t, Options{FS: fs, Sync: mode, FileBytesMax: 500})
			wantReplay(t, l, 0, want)
			for d := start*20 + 1; d <= start*20+20; d++ {
				// The decree before comes again with a higher ballot, as after a change of primary.
				es := []Entry{entry(start+1, max(d-1, 1)), entry(start+1, d)}
				mustDo(t, appendWait(l, es...))
				want = append(want, es...)
			}
			if l.FirstDecree() != 1 || l.LastDecree() != start*20+20 {
				t.Fatalf("log spans %d..%d", l.FirstDecree(), l.LastDecree())
			}
			mustDo(t, l.Close())
		}
		l := mustOpen(t, Options{FS: fs})
		after := slices.DeleteFunc(slices.Clone(want), func(e Entry) bool { return e.Decree <= 57 })
		wantReplay(t, l, 57, after)
		mustDo(t, l.Close())
	}
}

func TestDoneRunsOnceInOrderOfAppend(t *testing.T) {
	l := mustOpen(t, Options{FS: newMem(t), FileBytesMax: 2000})
	const n = 2000
	var got []int
	var wg sync.WaitGroup
	wg.Add(n)
	data := make([]byte, 10)
	for i := range n {
		data[0] = byte(i) // Append has encoded it when it returns
		l.Append([]Entry{{Ballot: 1, Decree: int64(i + 1), Data: data}}, func(err error) {
			if err != nil {
				t.Error(err)
			}
			got = append(got, i)
			wg.Done()
		})
	}
	wg.Wait()
	if !slices.IsSorted(got) || len(got) != n {
		t.Fatalf("done ran %d times, sorted: %v", len(got), slices.IsSorted(got))
	}
	es, err := l.Read(1, n, 1<<20)
	mustDo(t, err)
	for i, e := range es {
		if e.Data[0] != byte(i) {
			t.Fatalf("decree %d carries the data of another append", e.Decree)
		}
	}
	m := l.Metrics()
	if m.Appends != n || m.Entries != n || m.Writes > n {
		t.Fatalf("metrics %+v", m)
	}
	mustDo(t, l.Close())
}

func TestAppendsThatArriveDuringASyncShareTheNext(t *testing.T) {
	gate := make(chan struct{})
	inSync := make(chan struct{}, 100)
	blocking := true
	var mu sync.Mutex
	fs := watch(newMem(t), errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		b := blocking
		mu.Unlock()
		if op.Kind == errorfs.OpFileSyncData && b {
			inSync <- struct{}{}
			<-gate
		}
		return nil
	}))
	l := mustOpen(t, Options{FS: fs})
	var wg sync.WaitGroup
	add := func(d int64) {
		wg.Add(1)
		l.Append(entries(1, d, d), func(error) { wg.Done() })
	}
	add(1)
	<-inSync // the file's header
	for d := int64(2); d <= 50; d++ {
		add(d)
	}
	mu.Lock()
	blocking = false
	mu.Unlock()
	close(gate)
	wg.Wait()
	// header, first append, all the others together
	if m := l.Metrics(); m.Writes != 2 || m.Syncs != 3 {
		t.Fatalf("metrics %+v", m)
	}
	mustDo(t, l.Close())
}

func TestFailedWriteOrSyncIsFinal(t *testing.T) {
	for _, kind := range []errorfs.OpKind{
		errorfs.OpFileWrite, errorfs.OpFileSyncData, errorfs.OpCreate, errorfs.OpFileSync,
	} {
		var armed bool
		var mu sync.Mutex
		mem := newMem(t)
		calls := 0
		fs := watch(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if armed && op.Kind == kind {
				calls++
				return errorfs.ErrInjected
			}
			return nil
		}))
		l := mustOpen(t, Options{FS: fs, FileBytesMax: 300})
		mustDo(t, appendWait(l, entries(1, 1, 2)...))
		mu.Lock()
		armed = true
		mu.Unlock()
		var first error
		d := int64(3)
		for ; first == nil && d < 30; d++ {
			first = appendWait(l, entry(1, d))
		}
		if !errors.Is(first, errorfs.ErrInjected) {
			t.Fatalf("op %d: append ended with %v", kind, first)
		}
		mu.Lock()
		armed = false
		mu.Unlock()
		for range 3 {
			if err := appendWait(l, entry(1, d)); !errors.Is(err, errorfs.ErrInjected) {
				t.Fatalf("append after the failure: %v", err)
			}
		}
		if err := l.Reset(100); !errors.Is(err, errorfs.ErrInjected) {
			t.Fatalf("reset after the failure: %v", err)
		}
		if err := l.Close(); !errors.Is(err, errorfs.ErrInjected) || calls != 1 {
			t.Fatalf("close: %v, failing calls %d, want one and no retry", err, calls)
		}
		l = mustOpen(t, Options{FS: mem})
		got, err := replayed(l, 0)
		mustDo(t, err)
		// What failed may be there or not, what was acknowledged is, and nothing else.
		if n := int64(len(got)); n < d-2 || n > d-1 || text(got) != text(entries(1, 1, n)) {
			t.Fatalf("op %d: %d entries after reopening, %d were acknowledged", kind, n, d-2)
		}
		mustDo(t, l.Close())
	}
}

func TestAppendBeyondTheLimitsIsRefusedInOrder(t *testing.T) {
	gate := make(chan struct{})
	fs := watch(newMem(t), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite {
			<-gate
		}
		return nil
	}))
	l := mustOpen(t, Options{FS: fs, PendingBytesMax: 1000})
	big := Entry{Ballot: 1, Decree: 2, Data: make([]byte, 900)}
	var got []error
	var wg sync.WaitGroup
	for _, e := range []Entry{entry(1, 1), big, big, entry(1, 3)} {
		wg.Add(1)
		l.Append([]Entry{e}, func(err error) { got = append(got, err); wg.Done() })
	}
	close(gate)
	wg.Wait()
	if got[0] != nil || got[1] != nil || got[2] != ErrFull || got[3] != nil {
		t.Fatalf("results %v", got)
	}
	mustDo(t, appendWait(l, big))
	mustDo(t, l.Close())
	if err := appendWait(l, entry(1, 4)); err != ErrClosed {
		t.Fatalf("append after close: %v", err)
	}
}

func TestSyncModes(t *testing.T) {
	for _, c := range []struct {
		mode         SyncMode
		sync, synced bool // synced at done; synced a while after
	}{{SyncAlways, true, true}, {SyncInterval, false, true}, {SyncNone, false, false}} {
		fs := newMem(t)
		l := mustOpen(t, Options{FS: fs, Sync: c.mode, SyncIntervalMs: 5})
		mustDo(t, appendWait(l, entries(1, 1, 3)...))
		survives := func() bool {
			after := mustOpen(t, Options{FS: fs.CrashClone(vfs.CrashCloneCfg{})})
			es, err := replayed(after, 0)
			mustDo(t, err)
			return len(es) == 3
		}
		if c.mode != SyncInterval && survives() != c.sync {
			t.Errorf("mode %d: synced at done: %v", c.mode, !c.sync)
		}
		deadline := time.Now().Add(5 * time.Second)
		for c.synced && !survives() {
			if time.Now().After(deadline) {
				t.Fatalf("mode %d: never synced", c.mode)
			}
			time.Sleep(time.Millisecond)
		}
		mustDo(t, l.Close())
		if !survives() {
			t.Errorf("mode %d: close did not sync", c.mode)
		}
	}
}

func TestLogsShareASyncer(t *testing.T) {
	fs := newMem(t)
	s := NewSyncer(2, host.System)
	const logs, appends = 20, 50
	var wg sync.WaitGroup
	for i := range logs {
		l, err := Open(fmt.Sprintf("/data/1.0.pegasus/plog%d", i), Options{FS: fs, Syncer: s})
		mustDo(t, err)
		wg.Add(appends)
		go func() {
			for d := range int64(appends) {
				l.Append(entries(1, d+1, d+1), func(err error) {
					if err != nil {
						t.Error(err)
					}
					wg.Done()
				})
			}
		}()
		t.Cleanup(func() { mustDo(t, l.Close()) })
	}
	wg.Wait()
	if m := s.Metrics(); m.Entries != logs*appends {
		t.Fatalf("metrics %+v", m)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running > s.max {
		t.Fatalf("%d goroutines", s.running)
	}
}

func TestReplayComesBeforeAppend(t *testing.T) {
	l := mustOpen(t, Options{FS: newMem(t)})
	mustDo(t, appendWait(l, entry(1, 1)))
	if err := l.Replay(0, nil); err != ErrStarted {
		t.Fatalf("replay: %v", err)
	}
	mustDo(t, l.Close())
}
