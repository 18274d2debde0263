package replica

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// handHost is a machine whose clocks are set by hand.
type handHost struct {
	host.Host
	wall    time.Time
	elapsed atomic.Int64 // ns
}

func (h *handHost) Now() time.Time         { return h.wall }
func (h *handHost) Elapsed() time.Duration { return time.Duration(h.elapsed.Load()) }

// lateMeta answers beacons after some time has passed on the clocks.
type lateMeta struct {
	rpc.Caller
	h     *handHost
	delay time.Duration
	ack   fd.BeaconAck
	code  base.ErrorCode
}

func (m *lateMeta) Go(_ base.RPCAddress, _ rpc.Call, done rpc.Done) {
	m.h.elapsed.Add(int64(m.delay))
	done(m.code, rpc.AppendValue(nil, rpc.FieldNative, &m.ack))
}

func (m *lateMeta) Close() error { return nil }

// beaconing is a server whose beacons go to a lateMeta.
func beaconing(t *testing.T) (*Server, *lateMeta) {
	t.Helper()
	s := idleServer(t, vfs.NewMem())
	h := &handHost{Host: host.System, wall: time.Unix(1_700_000_000, 0)}
	h.elapsed.Store(int64(s.host.Elapsed() + time.Minute))
	m := &lateMeta{h: h, code: base.ErrOK, ack: *fd.NewBeaconAck()}
	m.ack.IsMaster, m.ack.Allowed, m.ack.PrimaryNode = true, true, base.NewRPCAddress()
	s.host, s.pool = h, m
	s.meta = newMetaClient(h, m, s.opts.Metas, time.Second)
	return s, m
}

// The lease counts from when the beacon was sent, by the clock that never jumps: the meta server may
// have received it at once and its answer may have taken all the time.
func TestLeaseCountsFromTheSend(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second, 19 * time.Second} {
		s, m := beaconing(t)
		m.delay = delay
		sentMs := s.monoMs()
		if !s.beacon() {
			t.Fatal("the beacon failed")
		}
		endMs := sentMs + s.opts.Lease.Milliseconds()
		if !s.lease.valid(endMs-1) || s.lease.valid(endMs) {
			t.Errorf("answered after %s: the lease ends at %d, the beacon was sent at %d and the lease is %s", delay, s.lease.untilMs.Load(), sentMs, s.opts.Lease)
		}
		m.h.wall = m.h.wall.Add(-time.Hour)
		if !s.lease.valid(s.monoMs()) {
			t.Error("the wall clock ends a lease")
		}
		m.h.elapsed.Add(int64(s.opts.Lease))
		m.h.wall = m.h.wall.Add(-time.Hour)
		if s.lease.valid(s.monoMs()) {
			t.Error("the wall clock prolongs a lease")
		}
	}
}

// Only the leader of the meta servers gives a lease, and only to those it admits.
func TestLeaseIsGivenByTheLeaderAlone(t *testing.T) {
	for name, spoil := range map[string]func(*lateMeta){
		"follower":     func(m *lateMeta) { m.ack.IsMaster = false },
		"not admitted": func(m *lateMeta) { m.ack.Allowed = false },
		"error":        func(m *lateMeta) { m.code = base.ErrTimeout },
	} {
		s, m := beaconing(t)
		spoil(m)
		if s.beacon() || s.lease.valid(s.monoMs()) || s.connected.Load() {
			t.Errorf("%s: the node has a lease", name)
		}
	}
}

// The answer to an older beacon never shortens a lease.
func TestLeaseIsNeverShortened(t *testing.T) {
	var l lease
	l.extend(500)
	l.extend(300)
	if !l.valid(499) || l.valid(500) {
		t.Errorf("the lease ends at %d", l.untilMs.Load())
	}
}

// drain is a turn of the loop with what waits for it.
func (p *partition) drain() {
	p.drainOnce()
	p.publish()
}

func (p *partition) drainOnce() {
	p.mail.mu.Lock()
	items := p.mail.items
	p.mail.items, p.mail.woken = nil, false
	p.mail.mu.Unlock()
	p.turn(items)
}

// leased is a server with a lease and a replica without a role.
func leased(t *testing.T) (*Server, *lateMeta, *partition) {
	t.Helper()
	s, m := beaconing(t)
	p, err := s.openDir(testGpid, newReplicaDir(t, s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.store.Load().Close() // a test may have closed it
		_ = p.plog.Close()
		s.mu.Lock()
		s.dropPartition(p)
		s.mu.Unlock()
	})
	s.mu.Lock()
	s.putPartition(p)
	s.mu.Unlock()
	if !s.beacon() {
		t.Fatal("the beacon failed")
	}
	p.drain()
	return s, m, p
}

// leasedPrimary is a server with a lease and a primary that answers reads.
func leasedPrimary(t *testing.T) (*Server, *lateMeta, *partition) {
	t.Helper()
	s, m, p := leased(t)
	makePrimary(t, p.core, s.self)
	p.publish()
	if code := p.readRefusal(false); code != base.ErrOK {
		t.Fatalf("the primary does not answer reads: %v", code)
	}
	return s, m, p
}

// A process stands still for longer than its lease and goes on with a beacon. The answer proves nothing
// about the time between: somebody else may be primary. The roles held before must be put down first.
func TestLeaseThatEndedIsNotContinued(t *testing.T) {
	s, m, p := leasedPrimary(t)
	m.h.elapsed.Add(int64(s.opts.Lease + 5*time.Second))
	if p.readRefusal(false) == base.ErrOK {
		t.Fatal("reads are answered without a lease")
	}
	if !s.beacon() {
		t.Fatal("the beacon failed")
	}
	if p.readRefusal(false) == base.ErrOK {
		t.Error("reads are answered under the role of a lease that ended")
	}
	p.drain()
	if st := p.core.Status(); st != pacifica.Inactive || p.readRefusal(false) == base.ErrOK {
		t.Errorf("after the loop's turn the role is %v", st)
	}
	// A role that is got without a lease does not count under the next one either.
	p.core.Step(pacifica.Clock{MonoMs: 9, WallUs: 9}, pacifica.ConfigSynced{Config: p.core.Config()})
	p.publish()
	if code := p.readRefusal(false); code != base.ErrOK {
		t.Fatalf("the primary that has its role back does not answer reads: %v", code)
	}
	s.connected.Store(false)
	m.h.elapsed.Add(int64(s.opts.Lease))
	if !s.beacon() || p.readRefusal(false) == base.ErrOK {
		t.Error("reads are answered under a role that was got without a lease")
	}
	p.drain()
	if st := p.core.Status(); st != pacifica.Inactive || p.readRefusal(false) == base.ErrOK {
		t.Errorf("after the loop's turn the role is %v", st)
	}
}

// The answer of a config sync that was asked for under a lease that ended meanwhile may be older than what
// happened since: it gives nobody a role.
func TestAnswerOfAnEarlierTermGivesNoRole(t *testing.T) {
	s, m, p := leasedPrimary(t)
	update := &metaadmin.ConfigurationUpdateRequest{Info: p.app.Load(), Config: partitionConfig(testGpid, p.core.Config(), 0)}
	asked := s.lease.term.Load()
	m.h.elapsed.Add(int64(s.opts.Lease + time.Second))
	if !s.beacon() {
		t.Fatal("the beacon failed")
	}
	s.syncPartition(update, asked)
	p.drain()
	if st := p.core.Status(); st != pacifica.Inactive {
		t.Errorf("an old answer makes the replica %v", st)
	}
	s.syncPartition(update, s.lease.term.Load())
	p.drain()
	if code := p.readRefusal(false); p.core.Status() != pacifica.Primary || code != base.ErrOK {
		t.Errorf("a new answer makes the replica %v, reads %v", p.core.Status(), code)
	}
}
