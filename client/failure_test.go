package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/client/clienttest"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

const putCode = "RPC_RRDB_RRDB_PUT"
const incrCode = "RPC_RRDB_RRDB_INCR"
const queryCode = "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX"

// How each frame error is met: by trying again or by telling the caller, with or without asking the
// meta, for operations that may be repeated and for those that may not.
func TestReactionToEachFrameError(t *testing.T) {
	for _, tc := range []struct {
		code          base.ErrorCode
		putOK, incrOK bool
		refreshes     bool
	}{
		{base.ErrObjectNotFound, true, true, true},
		{base.ErrInvalidState, true, true, true},
		{base.ErrParentPartitionMisused, true, true, true},
		{base.ErrTimeout, true, false, true},
		{base.ErrNotEnoughMember, true, false, false},
		{base.ErrCapacityExceeded, true, false, false},
		{base.ErrBusy, false, false, false},
		{base.ErrSplitting, false, false, false},
		{base.ErrDiskInsufficient, false, false, false},
		{base.ErrHandlerNotFound, false, false, false},
		{base.ErrOperationDisabled, false, false, false},
		{base.ErrInvalidData, false, false, false},
		{base.ErrACLDeny, false, false, false},
		{base.ErrCorruption, true, false, true},
	} {
		t.Run(tc.code.Name, func(t *testing.T) {
			fake, _, tab := open(t, client.Options{})
			asked := fake.Calls(queryCode)
			fake.Fail(putCode, tc.code, 1)
			err := tab.Set(within(t, 5*time.Second), b("h"), b("s"), b("v"), 0)
			expect(t, "put", err, tc.putOK, tc.code)
			time.Sleep(20 * time.Millisecond) // a refresh may run behind an error
			if got := fake.Calls(queryCode) > asked; got != tc.refreshes {
				t.Errorf("asked the meta: %v, want %v", got, tc.refreshes)
			}
			fake.Fail(incrCode, tc.code, 1)
			_, err = tab.Incr(within(t, 5*time.Second), b("h"), b("n"), 1, 0)
			expect(t, "incr", err, tc.incrOK, tc.code)
		})
	}
}

func expect(t *testing.T, op string, err error, ok bool, code base.ErrorCode) {
	t.Helper()
	if ok && err != nil {
		t.Errorf("%s: %v, want success", op, err)
	}
	if !ok && !errors.Is(err, code) {
		t.Errorf("%s: %v, want %v", op, err, code)
	}
}

func TestInfoCountsTheAttempts(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	var info client.Info
	for failures := range 3 {
		if failures > 0 {
			fake.Fail(putCode, base.ErrInvalidState, failures)
		}
		if err := tab.Observe(&info).Set(within(t, 5*time.Second), b("h"), b("s"), b("v"), 0); err != nil || info.Attempts != failures+1 || info.Server == "" {
			t.Errorf("after %d failures: %+v %v", failures, info, err)
		}
	}
	fake.Fail(putCode, base.ErrBusy, 1)
	if err := tab.Observe(&info).Set(t.Context(), b("h"), b("s"), b("v"), 0); err == nil || info.Attempts != 1 {
		t.Errorf("a failed operation: %+v %v", info, err)
	}
}

func TestNoRetryTellsTheFirstError(t *testing.T) {
	fake, _, tab := open(t, client.Options{NoRetry: true})
	fake.Fail(putCode, base.ErrInvalidState, 1)
	if err := tab.Set(t.Context(), b("h"), b("s"), b("v"), 0); !errors.Is(err, base.ErrInvalidState) {
		t.Fatal(err)
	}
}

func TestAnUnansweredRequestIsTriedAgainWithinTheDeadline(t *testing.T) {
	fake, _, tab := open(t, client.Options{AttemptTimeout: 100 * time.Millisecond})
	fake.Swallow(putCode, 2)
	check(t, tab.Set(within(t, 5*time.Second), b("h"), b("s"), b("v"), 0))
	fake.Swallow(incrCode, 1)
	if _, err := tab.Incr(within(t, 300*time.Millisecond), b("h"), b("n"), 1, 0); !errors.Is(err, base.ErrTimeout) {
		t.Fatal("incr must not be repeated:", err)
	}
	if n := fake.Calls(incrCode); n != 1 {
		t.Fatal("incr was sent", n, "times")
	}
}

func TestNothingBlocksLongerThanItsDeadline(t *testing.T) {
	fake, c, tab := open(t, client.Options{OpTimeout: 300 * time.Millisecond})
	fake.Swallow(putCode, 1000)
	began := time.Now()
	if err := tab.Set(context.Background(), b("h"), b("s"), b("v"), 0); !errors.Is(err, base.ErrTimeout) {
		t.Error(err)
	}
	for i := range 3 {
		fake.SilenceMeta(i)
	}
	if _, err := c.Open(context.Background(), "other"); !errors.Is(err, base.ErrTimeout) {
		t.Error(err)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Error("took", d)
	}
}

func TestFollowsThePrimary(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	for p := range 8 {
		fake.MovePrimary("temp", p, 2)
	}
	for i := range 20 {
		check(t, tab.Set(within(t, 3*time.Second), b(fmt.Sprint(i)), nil, b("v"), 0))
	}
	if got := tab.Primary(0); got != fake.Replica(2) {
		t.Fatal("primary believed at", got)
	}
}

func TestWaitsForAPrimaryToAppear(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	for p := range 8 {
		fake.MovePrimary("temp", p, -1)
	}
	check(t, tab.Refresh(t.Context()))
	time.AfterFunc(300*time.Millisecond, func() {
		for p := range 8 {
			fake.MovePrimary("temp", p, 1)
		}
	})
	check(t, tab.Set(within(t, 5*time.Second), b("h"), nil, b("v"), 0))
}

func TestSurvivesADeadReplicaServer(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	check(t, tab.Set(t.Context(), b("h"), nil, b("v"), 0))
	fake.KillReplica(0)
	time.AfterFunc(200*time.Millisecond, func() {
		for p := range 8 {
			fake.MovePrimary("temp", p, 1+p%2)
		}
	})
	for i := range 30 {
		check(t, tab.Set(within(t, 5*time.Second), b(fmt.Sprint(i)), nil, b("v"), 0))
	}
}

func TestADroppedTableIsSaidToBeGone(t *testing.T) {
	_, c, tab := open(t, client.Options{})
	check(t, c.Admin().DropApp(t.Context(), "temp", 0, false))
	began := time.Now()
	err := tab.Set(within(t, 5*time.Second), b("h"), nil, b("v"), 0)
	if !errors.Is(err, base.ErrObjectNotFound) || time.Since(began) > 2*time.Second {
		t.Fatal(err, time.Since(began))
	}
	// Created again, it has another id; the old handle finds it.
	_, err = c.Admin().CreateApp(t.Context(), "temp", client.CreateOptions{Partitions: 4, Replicas: 3})
	check(t, err)
	check(t, tab.Set(within(t, 5*time.Second), b("h"), nil, b("v"), 0))
	if tab.PartitionCount() != 4 || tab.AppID() != 2 {
		t.Fatal(tab.PartitionCount(), tab.AppID())
	}
}

func TestFindsTheLeadingMeta(t *testing.T) {
	for name, prepare := range map[string]func(*clienttest.Cluster){
		"by hint":                  func(f *clienttest.Cluster) { f.Lead(2) },
		"by asking all":            func(f *clienttest.Cluster) { f.Lead(2); f.HideLeader() },
		"behind a dead one":        func(f *clienttest.Cluster) { f.Lead(1); f.KillMeta(0) },
		"behind a silent one":      func(f *clienttest.Cluster) { f.Lead(1); f.SilenceMeta(0) },
		"after an election":        func(f *clienttest.Cluster) { f.Lead(-1); time.AfterFunc(200*time.Millisecond, func() { f.Lead(2) }) },
		"that is still starting":   func(f *clienttest.Cluster) { f.Fail(queryCode, base.ErrServiceNotActive, 3) },
		"though one lost its head": func(f *clienttest.Cluster) { f.Lead(1); f.Fail(queryCode, base.ErrHandlerNotFound, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			fake := clienttest.New(t, 3, 3)
			fake.AddTable("temp", 4)
			prepare(fake)
			c, err := client.New(fake.Metas(), client.Options{MetaHedge: 50 * time.Millisecond})
			check(t, err)
			defer c.Close()
			tab, err := c.Open(within(t, 5*time.Second), "temp")
			check(t, err)
			check(t, tab.Set(t.Context(), b("h"), nil, b("v"), 0))
			_, err = c.Admin().ListNodes(within(t, 3*time.Second), 0)
			check(t, err)
		})
	}
}

func TestALeaderThatWasNotConfiguredIsLearnt(t *testing.T) {
	fake := clienttest.New(t, 3, 3)
	fake.AddTable("temp", 4)
	fake.Lead(2)
	c, err := client.New(fake.Metas()[:1], client.Options{})
	check(t, err)
	defer c.Close()
	_, err = c.Open(t.Context(), "temp")
	check(t, err)
	if got := c.Metas(); len(got) != 2 || got[0] != fake.Metas()[2] {
		t.Fatal(got)
	}
	_, err = c.Admin().ListNodes(t.Context(), 0)
	check(t, err)
}

func TestManyGoroutinesThroughAFailover(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 100 {
				key := b(fmt.Sprint(g, "-", i))
				if err := tab.Set(within(t, 10*time.Second), key, nil, key, 0); err != nil {
					t.Error(err)
					return
				}
				if v, _, err := tab.Get(within(t, 10*time.Second), key, nil); err != nil || string(v) != string(key) {
					t.Errorf("%q: %q %v", key, v, err)
					return
				}
			}
		})
	}
	for p := range 8 {
		time.Sleep(5 * time.Millisecond)
		fake.MovePrimary("temp", p, p%3)
	}
	wg.Wait()
	if n := fake.Calls(queryCode); n > 60 {
		t.Error("the meta was asked", n, "times")
	}
}

func TestCloseEndsOperations(t *testing.T) {
	fake, c, tab := open(t, client.Options{})
	fake.Swallow(incrCode, 1)
	done := make(chan error, 1)
	go func() {
		_, err := tab.Incr(context.Background(), b("h"), nil, 1, 0)
		done <- err
	}()
	time.Sleep(50 * time.Millisecond)
	c.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("incr succeeded without an answer")
		}
	case <-time.After(2 * time.Second):
		t.Error("Close left an operation waiting")
	}
}
