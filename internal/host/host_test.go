package host

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

func closed() <-chan struct{} {
	ch := make(chan struct{})
	close(ch)
	return ch
}

func TestWaitReturnsTheChannelThatDelivers(t *testing.T) {
	never := make(chan struct{})
	for n := 1; n <= 5; n++ { // more than three take another path
		for i := range n {
			on := make([]<-chan struct{}, n)
			for j := range on {
				on[j] = never
			}
			on[i] = closed()
			if got := System.Wait(Forever, on...); got != i {
				t.Errorf("of %d channels, number %d delivers, Wait says %d", n, i, got)
			}
		}
	}
	if got := System.Wait(time.Millisecond, never, nil, never, never); got != TimedOut {
		t.Errorf("nobody delivers, Wait says %d", got)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if !Sleep(System, ctx, time.Millisecond) {
		t.Error("a sleep to its end says that the context is over")
	}
	cancel()
	if Sleep(System, ctx, time.Hour) {
		t.Error("a sleep that was ended says that the context goes on")
	}
}

func TestGroupWaitsForAllItsFunctions(t *testing.T) {
	var g Group
	var done atomic.Int32
	g.Wait() // nobody
	for range 2 {
		release := make(chan struct{})
		for range 10 {
			g.Go(func() { <-release; done.Add(1) })
		}
		close(release)
		g.Wait()
	}
	if done.Load() != 20 {
		t.Errorf("%d of 20 functions were waited for", done.Load())
	}
}

func TestSlotsBoundWhatHappensAtOnce(t *testing.T) {
	s := NewSlots(2)
	if !s.Take(System, nil) || !s.Take(System, nil) {
		t.Fatal("slots are not free at first")
	}
	if s.Take(System, closed()) {
		t.Error("a third slot of two")
	}
	s.Release()
	if !s.Take(System, nil) {
		t.Error("a released slot is not free")
	}
}

func TestMutexLetsOneIn(t *testing.T) {
	m := NewMutex()
	var g Group
	inside, total := 0, 0
	for range 50 {
		g.Go(func() {
			m.Lock(System)
			defer m.Unlock()
			inside++
			if inside != 1 {
				t.Error("two hold the lock")
			}
			total++
			inside--
		})
	}
	g.Wait()
	if total != 50 {
		t.Errorf("%d of 50 had the lock", total)
	}
}
