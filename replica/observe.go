package replica

import (
	"context"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rrdb"
)

// Observer hears what the replicas of a server do, in the loop of the partition concerned. It must
// not call the server. Simulations check invariants with it.
type Observer interface {
	// Opened: a replica was loaded or created; its log was replayed.
	Opened(ReplicaState)
	// Turned: a turn of the loop changed what others may see of the replica.
	Turned(ReplicaState)
	// Applied: a committed mutation reached the store, also during replay. The mutation is shared.
	Applied(gpid base.Gpid, m *pacifica.Mutation)
	// Installed: the state was replaced by a checkpoint of that decree; 0: it was thrown away.
	Installed(gpid base.Gpid, decree int64)
	// Closed: the replica is not open any more; err says why when it was not asked for.
	Closed(gpid base.Gpid, err error)
	// Discarded: the directory of a replica was set aside, because it is damaged or not wanted here.
	Discarded(gpid base.Gpid, damaged bool)
}

// ReplicaState is where a replica stands.
type ReplicaState struct {
	Gpid        base.Gpid
	Status      pacifica.Status
	Ballot      int64
	Primary     pacifica.Node
	Secondaries []pacifica.Node // known to the primary only
	// Reads: linearizable reads are answered, as far as the role goes.
	Reads bool
	// Committed <= Prepared: the end of what is decided, and of what is in the log without a hole.
	Committed, Prepared int64
	// Durable: everything up to it is in tables on disk. LogFirst: the log holds everything from it on.
	Durable, LogFirst int64
}

// States lists the open replicas by gpid.
func (s *Server) States() []ReplicaState {
	var out []ReplicaState
	for _, p := range s.partitions() {
		st := p.state(p.view.Load())
		if store := p.store.Load(); store != nil {
			st.Durable, st.LogFirst = store.LastDurable(), p.plog.FirstDecree()
		}
		out = append(out, st)
	}
	return out
}

// Leased reports whether the right to answer clients holds.
func (s *Server) Leased() bool { return s.lease.valid(s.monoMs()) }

// WriteBytesWaiting is the bytes of writes that are not answered yet.
func (s *Server) WriteBytesWaiting() int64 { return s.writeBytes.Load() }

func (p *partition) state(v *view) ReplicaState {
	return ReplicaState{
		Gpid: p.gpid, Status: v.status, Ballot: v.ballot, Primary: v.primary, Secondaries: v.secondaries,
		Reads: v.reads, Committed: v.lastCommitted, Prepared: v.lastPrepared,
	}
}

// Digest is the checksum of an open replica's rows; see rrdb.Store.Digest.
func (s *Server) Digest(ctx context.Context, gpid base.Gpid) (rrdb.Digest, error) {
	p := s.partition(gpid)
	if p == nil {
		return rrdb.Digest{}, base.ErrObjectNotFound
	}
	store := p.store.Load()
	if store == nil {
		return rrdb.Digest{}, base.ErrInvalidState
	}
	return store.Digest(ctx)
}

// Compact reclaims the expired rows of an open replica and compacts its store; see rrdb.Store.Compact.
func (s *Server) Compact(ctx context.Context, gpid base.Gpid) error {
	p := s.partition(gpid)
	if p == nil {
		return base.ErrObjectNotFound
	}
	store := p.store.Load()
	if store == nil {
		return base.ErrInvalidState
	}
	return store.Compact(ctx)
}
