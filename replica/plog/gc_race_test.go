package plog

import (
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestGCDuringAppends collects files while others are written; run it with -race.
func TestGCDuringAppends(t *testing.T) {
	l, err := Open("/log", Options{FS: vfs.NewMem(), FileBytesMax: 1 << 10, ReserveBytesMax: -1})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := l.GC(l.LastDecree()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for d := int64(1); d <= 2000; d++ {
		done := make(chan error, 1)
		l.Append([]Entry{{Ballot: 1, Decree: d, Data: make([]byte, 300)}}, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	if l.FirstDecree() == 1 {
		t.Error("nothing was collected")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
