package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/replica"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// learned counts, over all servers and partitions, the answers to learners by their kind.
func (b *bench) learned() (cache, log, checkpoint int64) {
	b.t.Helper()
	for _, s := range b.Replicas {
		resp, err := http.Get("http://" + s.Addr().String() + "/metrics?types=replica")
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var page struct {
			Entities []struct {
				Metrics []struct {
					Name  string
					Value int64
				}
			}
		}
		if err == nil {
			err = json.Unmarshal(text, &page)
		}
		if err != nil {
			b.t.Fatalf("metrics page: %v: %.200s", err, text)
		}
		for _, e := range page.Entities {
			for _, m := range e.Metrics {
				switch m.Name {
				case "learn_lt_cache_responses":
					cache += m.Value
				case "learn_lt_log_responses":
					log += m.Value
				case "learn_lt_app_responses":
					checkpoint += m.Value
				}
			}
		}
	}
	return cache, log, checkpoint
}

// rows writes n rows one after another to every partition, so that each is a decree of its own.
func (b *bench) rows(name string, perPartition int) {
	b.t.Helper()
	const callers = 16
	failed := make(chan error, callers)
	for g := range callers {
		go func() {
			for i := range perPartition * testPartitions / callers {
				if err := b.table.Set(b.ctx, fmt.Appendf(nil, "%s-%d-%d", name, g, i), nil, []byte("a value of some length"), 0); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range callers {
		if err := <-failed; err != nil {
			b.t.Fatal(err)
		}
	}
}

// away takes server i out of every partition, lets writes go on without it, and brings it back
// with the disk it left, or an empty one.
func (b *bench) away(i int, crash, wipe bool, meanwhile func()) {
	b.t.Helper()
	if crash {
		b.CrashReplica(i, func(d *faultfs.Disk) *faultfs.Disk { return d.Crash(nil, faultfs.CrashOptions{}) })
	} else if err := b.Replicas[i].Close(); err != nil {
		b.t.Fatal(err)
	}
	b.until("writes with two members", func() bool {
		h, err := b.cl.Admin().WaitReady(b.ctx, "temp", nil)
		return err == nil && h.WriteUnhealthy == 0
	})
	meanwhile()
	if wipe {
		b.Disks[i] = faultfs.New(faultfs.Options{})
	}
	if err := b.RestartReplica(i); err != nil {
		b.t.Fatal(err)
	}
}

func TestLearnFromCache(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprintf("crash=%v", crash), func(t *testing.T) {
			b := newBench(t, quick(Config{Disk: func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) }}))
			b.rows("before", 40)
			b.away(2, crash, false, func() { b.rows("meanwhile", 24) })
			b.sameEverywhere()
			cache, log, checkpoint := b.learned()
			if cache == 0 || log != 0 || checkpoint != 0 {
				t.Errorf("learned %d times from the cache, %d from the log, %d from a checkpoint; wanted the cache only", cache, log, checkpoint)
			}
		})
	}
}

func TestLearnFromLog(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprintf("crash=%v", crash), func(t *testing.T) {
			b := newBench(t, quick(Config{
				Disk: func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) },
				Tune: func(_ int, o *replica.Options) { o.Core.PrepareListDecrees = 22 },
			}))
			b.rows("before", 40)
			b.away(0, crash, false, func() { b.rows("meanwhile", 400) })
			b.sameEverywhere()
			_, log, checkpoint := b.learned()
			if log == 0 || checkpoint != 0 {
				t.Errorf("learned %d times from the log, %d from a checkpoint; wanted the log", log, checkpoint)
			}
		})
	}
}

// TestLearnFromCheckpoint brings a server back with an empty disk, under load, to primaries that have
// collected their logs.
func TestLearnFromCheckpoint(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{
		Disk: func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) },
		Tune: func(_ int, o *replica.Options) {
			o.Core.PrepareListDecrees = 22
			o.Plog.FileBytesMax, o.Plog.ReserveBytesMax = 8<<10, -1
			o.FlushBehindBytes, o.CheckpointInterval = 4<<10, 100*time.Millisecond
		},
	}))
	b.rows("before", 400)
	var load *ledger
	b.away(1, true, true, func() {
		b.rows("meanwhile", 400)
		load = startLedger(b, b.cl, "load", 4, 30*time.Second)
	})
	b.healthy()
	load.more(b, 200)
	load.end()
	if n := load.errors.Load(); n > 0 {
		t.Errorf("%d writes failed while a replica learned; last: %v", n, errOf(&load.last))
	}
	load.verify(b)
	b.sameEverywhere()
	if _, log, checkpoint := b.learned(); checkpoint == 0 {
		t.Errorf("learned %d times from the log and never from a checkpoint", log)
	}
	if v, found, err := b.table.Get(b.ctx, []byte("before-3-4"), nil); err != nil || !found || len(v) == 0 {
		t.Errorf("a row from before is gone: %v %v", found, err)
	}
}
