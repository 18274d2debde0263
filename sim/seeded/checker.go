package seeded

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/replica"
	replicadisk "github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// checker holds what must be true at every moment, after the numbers of replica.md 25.
type checker struct {
	c         *cluster
	groups    map[base.Gpid]*group
	states    []map[base.Gpid]replica.ReplicaState // of the open replicas, by machine
	positions []map[base.Gpid]int64                // decree applied last, by machine; absent: not known
	promises  []map[base.Gpid]promise              // what a machine acknowledged, over all its lives
	count     struct{ applied, turns, answers, opened int64 }
}

// group is what is known of one partition.
type group struct {
	decided map[int64]decided
	top     int64                    // highest decree applied anywhere
	primary map[int64]int            // machine that was primary under a ballot
	ballot  int64                    // the highest under which somebody was
	stored  map[int64]partitionState // what the meta servers stored, by ballot
}

// decided is one committed mutation, as far as members must agree on it.
type decided struct {
	sum         uint64
	timestampUs int64
}

// promise is the newest acknowledged prepare.
type promise struct{ ballot, decree int64 }

func newChecker(c *cluster) *checker {
	k := &checker{c: c, groups: map[base.Gpid]*group{}}
	for range machinesMax {
		k.states = append(k.states, map[base.Gpid]replica.ReplicaState{})
		k.positions = append(k.positions, map[base.Gpid]int64{})
		k.promises = append(k.promises, map[base.Gpid]promise{})
	}
	return k
}

func (k *checker) group(g base.Gpid) *group {
	x := k.groups[g]
	if x == nil {
		x = &group{decided: map[int64]decided{}, primary: map[int64]int{}, stored: map[int64]partitionState{}}
		k.groups[g] = x
	}
	return x
}

// begin and end frame a machine's life.
func (k *checker) begin(m *machine) { k.end(m) }

func (k *checker) end(m *machine) {
	clear(k.states[m.index])
	clear(k.positions[m.index])
}

// forget drops what a machine promised: its disk is gone, or what was on it damaged.
func (k *checker) forget(m *machine) { clear(k.promises[m.index]) }

// observer is the checker's ear in one life of a machine.
type observer struct {
	checks *checker
	m      *machine
	node   *Node
}

var _ replica.Observer = (*observer)(nil)

func (o *observer) current() bool { return o.m.node == o.node && !o.m.dying }

// Opened: 2 and 21, 22: what was acknowledged survives.
func (o *observer) Opened(st replica.ReplicaState) {
	if !o.current() {
		return
	}
	k := o.checks
	k.count.opened++
	k.positions[o.m.index][st.Gpid] = st.Committed
	p := k.promises[o.m.index][st.Gpid]
	k.c.note(o.m.name, "%v opened: ballot %d committed %d prepared %d", st.Gpid, st.Ballot, st.Committed, st.Prepared)
	if st.Ballot < p.ballot {
		k.c.w.fail("invariant 2: %s opened %v with ballot %d after it acted on %d", o.m.name, st.Gpid, st.Ballot, p.ballot)
	}
	if st.Prepared < p.decree {
		k.c.w.fail("invariant 22: %s opened %v with decrees up to %d after it acknowledged %d", o.m.name, st.Gpid, st.Prepared, p.decree)
	}
}

// Turned: 1, 2, 4 to 7, 11 and 20.
func (o *observer) Turned(st replica.ReplicaState) {
	if !o.current() {
		return
	}
	k, w, x := o.checks, o.checks.c.w, o.checks.group(st.Gpid)
	k.count.turns++
	old, known := k.states[o.m.index][st.Gpid]
	k.states[o.m.index][st.Gpid] = st
	if !known || old.Status != st.Status || old.Ballot != st.Ballot {
		k.c.note(o.m.name, "%v is %v, ballot %d, committed %d prepared %d", st.Gpid, st.Status, st.Ballot, st.Committed, st.Prepared)
	}
	if known && st.Ballot < old.Ballot {
		w.fail("invariant 2: %s goes from ballot %d back to %d on %v", o.m.name, old.Ballot, st.Ballot, st.Gpid)
	}
	if known && old.Status == pacifica.Error && st.Status != pacifica.Error {
		w.fail("invariant 6: %s leaves the state of error on %v", o.m.name, st.Gpid)
	}
	if st.Committed > st.Prepared && st.Status != pacifica.Learner {
		w.fail("invariant 7: %s committed %d of %v and has only %d in its log", o.m.name, st.Committed, st.Gpid, st.Prepared)
	}
	if cfg, ok := x.stored[st.Ballot]; ok && (!known || old.Status != st.Status || old.Ballot != st.Ballot) {
		if err := agrees(st, cfg, o.m.addr().String()); err != nil {
			w.fail("invariant 4: %s on %v under ballot %d: %v", o.m.name, st.Gpid, st.Ballot, err)
		}
	}
	if st.Status != pacifica.Primary {
		return
	}
	if other, taken := x.primary[st.Ballot]; taken && other != o.m.index {
		w.fail("invariant 5: machines %d and %d are both primary of %v under ballot %d", other, o.m.index, st.Gpid, st.Ballot)
	}
	x.primary[st.Ballot] = o.m.index
	x.ballot = max(x.ballot, st.Ballot)
	if st.Reads && st.Ballot == x.ballot && st.Committed < x.top {
		w.fail("invariants 11 and 20: primary %s of %v answers reads at decree %d while %d was decided", o.m.name, st.Gpid, st.Committed, x.top)
	}
}

// agrees compares the role and the group that a member believes in with what is stored.
func agrees(st replica.ReplicaState, cfg partitionState, self string) error {
	switch st.Status {
	case pacifica.Primary:
		var group []string
		for _, n := range st.Secondaries {
			group = append(group, n.String())
		}
		slices.Sort(group)
		stored := slices.Clone(cfg.Secondaries)
		slices.Sort(stored)
		if cfg.Primary != self || !slices.Equal(group, stored) {
			return fmt.Errorf("it is primary of %v, stored is primary %s of %v", group, cfg.Primary, stored)
		}
	case pacifica.Secondary:
		if !slices.Contains(cfg.Secondaries, self) {
			return fmt.Errorf("it is a secondary, stored are %v", cfg.Secondaries)
		}
	}
	return nil
}

// Applied: 10 and 18.
func (o *observer) Applied(g base.Gpid, m *pacifica.Mutation) {
	if !o.current() {
		return
	}
	k, w, x := o.checks, o.checks.c.w, o.checks.group(g)
	k.count.applied++
	if last, known := k.positions[o.m.index][g]; known && m.Decree != last+1 {
		w.fail("invariant 18: %s applies decree %d of %v after %d", o.m.name, m.Decree, g, last)
	}
	k.positions[o.m.index][g] = m.Decree
	is := decided{sum: sumOf(m), timestampUs: m.TimestampUs}
	if was, known := x.decided[m.Decree]; known && was != is {
		w.fail("invariant 10: %s applies another mutation as decree %d of %v than others did", o.m.name, m.Decree, g)
	}
	x.decided[m.Decree] = is
	x.top = max(x.top, m.Decree)
}

func sumOf(m *pacifica.Mutation) uint64 {
	h := fnv.New64a()
	for i := range m.Updates {
		h.Write([]byte(m.Updates[i].Code))
		h.Write(m.Updates[i].Body)
	}
	return h.Sum64() + uint64(uint32(m.DefaultTTL))
}

// Installed: a learner took over a state, or threw its own away.
func (o *observer) Installed(g base.Gpid, decree int64) {
	if !o.current() {
		return
	}
	o.checks.positions[o.m.index][g] = decree
	p := o.checks.promises[o.m.index][g]
	p.decree = min(p.decree, decree)
	o.checks.promises[o.m.index][g] = p
	o.checks.c.note(o.m.name, "%v state of decree %d installed", g, decree)
}

// Closed implements replica.Observer.
func (o *observer) Closed(g base.Gpid, err error) {
	if !o.current() {
		return
	}
	delete(o.checks.states[o.m.index], g)
	delete(o.checks.positions[o.m.index], g)
	if err != nil {
		o.checks.c.note(o.m.name, "%v closed over an error", g)
		o.checks.c.w.trace.comment(o.checks.c.w.now, err.Error())
	}
}

// Discarded: 21 and 25: whatever a crash leaves can be read again; only damage from outside cannot.
func (o *observer) Discarded(g base.Gpid, damaged bool) {
	if !o.current() {
		return
	}
	delete(o.checks.promises[o.m.index], g)
	if damaged && !o.m.hurt {
		o.checks.c.w.fail("invariant 25: %s cannot read its replica of %v, which nobody damaged", o.m.name, g)
	}
}

// answered: 1 and 33: whoever answers a client of a row holds the newest role and its lease.
func (k *checker) answered(p, to *port, c rpc.Call, code base.ErrorCode, body []byte) {
	switch {
	case code != base.ErrOK:
		return
	case c.Name == "RPC_PREPARE" && prepareAcked(body):
		k.acknowledged(p.machine, c.Body)
		return
	case !to.client || !isData(c.Name) || c.Backup:
		return
	}
	k.count.answers++
	m := k.c.machineAt(p.machine)
	st, open := k.states[p.machine][c.Gpid]
	if x := k.group(c.Gpid); open && st.Ballot < x.ballot {
		k.c.w.fail("invariant 33: %s answers %s for %v under ballot %d while %d has a primary", m.name, c.Name, c.Gpid, st.Ballot, x.ballot)
	}
	if m.replica != nil && !m.replica.Leased() {
		k.c.w.fail("invariant 33: %s answers %s for %v after its lease", m.name, c.Name, c.Gpid)
	}
}

// acknowledged remembers a prepare that a machine said it has.
func (k *checker) acknowledged(machine int, body []byte) {
	var g base.Gpid
	rest, err := rpc.ReadValue(body, &g)
	if err != nil {
		return
	}
	cfg := metadata.NewReplicaConfiguration()
	if rest, err = rpc.ReadValue(rest, cfg); err != nil {
		return
	}
	m, err := pacifica.DecodeMutation(rest, func(b []byte) string { return "" })
	if err != nil {
		return
	}
	p := k.promises[machine][g]
	if cfg.Ballot > p.ballot {
		p = promise{ballot: cfg.Ballot}
	}
	if cfg.Ballot == p.ballot {
		p.decree = max(p.decree, m.Decree)
	}
	k.promises[machine][g] = p
}

// prepareAcked says whether an answer to a prepare says yes.
func prepareAcked(body []byte) bool {
	var ack consensus.PrepareAck
	_, err := rpc.ReadValue(body, &ack)
	return err == nil && ack.Err.Val() == base.ErrOK
}

// sweep looks at everything at once, now and then: 9, 24, 26.
func (k *checker) sweep() {
	for _, m := range k.c.replicas {
		if m.replica == nil || !m.up {
			continue
		}
		for _, st := range m.replica.States() {
			k.checkLog(m, st)
			k.checkMember(m, st)
		}
		k.checkDirs(m)
	}
}

// checkLog: 24: what only the log holds stays in it.
func (k *checker) checkLog(m *machine, st replica.ReplicaState) {
	if st.LogFirst > st.Durable+1 && st.Prepared > st.Durable {
		k.c.w.fail("invariant 24: the log of %s for %v begins at %d and the tables end at %d", m.name, st.Gpid, st.LogFirst, st.Durable)
	}
}

// checkMember: 9: nobody is ahead of the primary, once it has committed again what it took over.
func (k *checker) checkMember(m *machine, st replica.ReplicaState) {
	if st.Status != pacifica.Secondary {
		return
	}
	primary, known := k.group(st.Gpid).primary[st.Ballot]
	if !known {
		return
	}
	if p, open := k.states[primary][st.Gpid]; open && p.Ballot == st.Ballot && p.Status == pacifica.Primary && p.Reads && st.Committed > p.Committed {
		k.c.w.fail("invariant 9: secondary %s committed %d of %v, its primary %d", m.name, st.Committed, st.Gpid, p.Committed)
	}
}

var dataDirs = []string{"/data1", "/data2"}

// checkDirs: 26: one live directory for a partition.
func (k *checker) checkDirs(m *machine) {
	seen := map[string]bool{}
	for _, dir := range dataDirs {
		names, err := m.disk.List(dir + "/replica/reps")
		if err != nil {
			continue // nothing was ever stored here
		}
		for _, name := range names {
			if !strings.HasSuffix(name, "."+replicadisk.AppType) {
				continue // set aside
			}
			if seen[name] {
				k.c.w.fail("invariant 26: %s has two directories %s", m.name, name)
			}
			seen[name] = true
		}
	}
}
