package rrdb

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestJanitorLooksAtStoresThatAreOpening is for the race detector: the engine knows a store before it is open.
func TestJanitorLooksAtStoresThatAreOpening(t *testing.T) {
	e := NewEngine(EngineOptions{FS: vfs.NewMem(), SweepPeriod: time.Hour})
	defer e.Close()
	var janitor sync.WaitGroup
	stop := make(chan struct{})
	janitor.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, s := range e.openStores() {
				s.scans.expire(time.Now())
				if s.sweepDue(time.Now()) {
					t.Error("a store of this moment is to be swept")
				}
			}
		}
	})
	for i := range 20 {
		s, err := e.Open(fmt.Sprintf("store%d", i), StoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	}
	close(stop)
	janitor.Wait()
}
