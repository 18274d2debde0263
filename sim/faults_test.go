package sim

import (
	"context"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// TestDiskFull lets one disk refuse every change for a while, under load. The others go on; once there
// is room again the server is a full member again, without being restarted.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{Disk: func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) }}))
	load := startLedger(b, b.cl, "full", 8, 30*time.Second)
	load.more(b, 300)
	b.Disks[1].Fail(faultfs.Refuse(syscall.ENOSPC))
	load.more(b, 300)
	b.Disks[1].Fail(nil)
	load.more(b, 100)
	b.healthy()
	load.more(b, 100)
	load.end()
	if n := load.errors.Load(); n > 0 {
		t.Errorf("%d writes failed although two disks had room; last: %v", n, errOf(&load.last))
	}
	load.verify(b)
	b.sameEverywhere()
}

// TestNoMetaForLongerThanALease: without a meta server the leases run out and nobody answers, because
// somebody else might have been made primary; when it is back, so is everything acknowledged.
func TestNoMetaForLongerThanALease(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick(Config{}))
	once, err := client.New(b.MetaList(), client.Options{NoRetry: true})
	if err != nil {
		t.Fatal(err)
	}
	defer once.Close()
	table := b.open(once, "temp")
	load := startLedger(b, b.cl, "nometa", 8, 20*time.Second)
	load.more(b, 300)
	if err := b.StopMeta(0); err != nil {
		t.Fatal(err)
	}
	b.until("reads are refused", func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, time.Second)
		defer cancel()
		_, _, err := table.Get(ctx, []byte("nometa-0-0"), []byte("s"))
		return err != nil
	})
	before := load.count.Load()
	time.Sleep(500 * time.Millisecond)
	if n := load.count.Load() - before; n > 8 {
		t.Errorf("%d writes acknowledged after the lease", n)
	}
	if err := b.StartMeta(0); err != nil {
		t.Fatal(err)
	}
	load.more(b, 300)
	load.end()
	load.verify(b)
	b.sameEverywhere()
}

// TestBrokenDiskIsReplaced breaks one of four disks for good while its server lives on: the others
// take over what it held, however often the broken one is asked first.
func TestBrokenDiskIsReplaced(t *testing.T) {
	if os.Getenv("PEGASUS_TEST_LONG") == "" {
		t.Skip("takes most of a minute; PEGASUS_TEST_LONG=1 runs it")
	}
	t.Parallel()
	b := newBench(t, quick(Config{Replicas: 4, Disk: func(int) *faultfs.Disk { return faultfs.New(faultfs.Options{}) }}))
	load := startLedger(b, b.cl, "broken", 8, 30*time.Second)
	load.more(b, 300)
	b.Disks[1].Fail(faultfs.Refuse(syscall.EIO))
	load.more(b, 300)
	b.until("three members elsewhere", func() bool {
		cfg, err := b.cl.Admin().QueryConfig(b.ctx, "temp")
		if err != nil {
			return false
		}
		for _, p := range cfg.Partitions {
			members := append(slices.Clone(p.Secondaries), p.Primary)
			if client.LiveReplicas(p) != 3 || slices.ContainsFunc(members, func(a *base.RPCAddress) bool { return a.Val() == b.Replicas[1].Addr() }) {
				return false
			}
		}
		return true
	})
	load.end()
	if n := load.errors.Load(); n > 0 {
		t.Errorf("%d writes failed although three disks work; last: %v", n, errOf(&load.last))
	}
	load.verify(b)
	b.Disks[1].Fail(nil)
}
