package pacifica

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// busyPrimary fills its window: every write becomes a mutation at once.
func busyPrimary(t *testing.T, secondaries ...Node) *at {
	t.Helper()
	a := primaryOf(t, secondaries...)
	a.params.PipelineUpdates = 1
	return a
}

func ackOf(from Node, ballot, decree int64) PrepareReplied {
	return PrepareReplied{From: from, Ballot: ballot, Decree: decree, Err: base.ErrOK}
}

// Paper 1.2: the primary numbers updates without gaps, upwards. The numbers go on over changes of the
// configuration and of the primary.
func TestPaperSerialNumbersHaveNoGaps(t *testing.T) {
	g := newGroup(t, "started=3")
	g.do(`write w1 w2
		plan: DOWNGRADE_TO_SECONDARY r1
		run 500
		write w3 w4
		restart r2
		run 1000
		write w5
		run 400`)
	for _, n := range g.c.nodes {
		last := int64(0)
		for _, m := range n.disk.log {
			if m.Decree > last+1 {
				t.Errorf("the log of %s goes from decree %d to %d", n, last, m.Decree)
			}
			last = m.Decree
		}
		if last != 5 {
			t.Errorf("%s ends at decree %d", n, last)
		}
	}
}

// Paper 1.2: the primary sends each update, with the version of the configuration and the serial
// number, to all secondaries. Here the message also carries the commit point.
func TestPaperPrepareGoesToAllSecondaries(t *testing.T) {
	a := busyPrimary(t, nodeB, nodeC)
	a.step(write(1))
	a.step(ackOf(nodeB, 3, 1), ackOf(nodeC, 3, 1), Logged{Ballot: 3, Decree: 1})
	var to []Node
	for _, p := range only[SendPrepare](a.step(write(2))) {
		to = append(to, p.To)
		m := p.Mutation
		if p.Role != Secondary || p.Ballot != 3 || m.Ballot != 3 || m.Decree != 2 || m.LastCommitted != 1 || len(m.Updates) != 1 {
			t.Errorf("sent %+v with %+v", p, m)
		}
	}
	if !slices.Equal(to, []Node{nodeB, nodeC}) {
		t.Errorf("sent to %v", to)
	}
}

// Paper 1.2: updates enter the prepared list in the order of their numbers and without holes. In
// whatever order prepares come, only the next one is taken; others have to come again.
func TestPaperPreparedListHasNoHoles(t *testing.T) {
	for _, order := range permutations([]int64{1, 2, 3, 4}) {
		b := secondaryOf(t)
		next := int64(1)
		for _, d := range order {
			e := b.step(prepareOf(uint64(d), 3, d, 0))
			taken := len(only[Append](e)) == 1
			if taken != (d == next) {
				t.Fatalf("order %v: decree %d taken: %v", order, d, taken)
			}
			if taken {
				next++
			} else if ack := one[AckPrepare](t, e); ack.Err != base.ErrTryAgain {
				t.Fatalf("order %v: decree %d is answered %s", order, d, ack.Err)
			}
			if b.MaxDecree() != next-1 {
				t.Fatalf("order %v: list ends at %d", order, b.MaxDecree())
			}
		}
	}
}

func permutations(list []int64) [][]int64 {
	if len(list) <= 1 {
		return [][]int64{slices.Clone(list)}
	}
	var all [][]int64
	for i, x := range list {
		rest := slices.Delete(slices.Clone(list), i, i+1)
		for _, p := range permutations(rest) {
			all = append(all, append([]int64{x}, p...))
		}
	}
	return all
}

// Paper 1.2: a secondary takes a prepare only if it is of the configuration it is in. Here an older one
// is dropped without an answer, and a newer one tells the secondary of the new configuration, which it
// makes durable before it takes the prepare.
func TestPaperSecondaryTakesPreparesOfItsConfiguration(t *testing.T) {
	b := secondaryOf(t)
	if e := b.step(prepareOf(1, 2, 1, 0)); len(e) != 1 || len(only[DropPrepare](e)) != 1 {
		t.Errorf("a prepare of an older configuration: %v", e)
	}
	if e := b.step(prepareOf(2, 3, 1, 0)); len(only[Append](e)) != 1 {
		t.Errorf("a prepare of the same configuration: %v", e)
	}
	e := b.step(prepareOf(3, 5, 1, 0))
	persist := slices.IndexFunc(e, func(x Effect) bool { p, ok := x.(PersistBallot); return ok && p.Ballot == 5 })
	taken := slices.IndexFunc(e, func(x Effect) bool { a, ok := x.(Append); return ok && a.Mutation.Ballot == 5 })
	if persist < 0 || taken < persist {
		t.Errorf("a prepare of a newer configuration: %v", e)
	}
	if len(only[DropPrepare](e)) != 1 {
		t.Error("the prepare that the newer one replaces is still going to be acknowledged")
	}
}

// Paper 1.2: when all replicas have acknowledged, the primary moves its commit point to the largest
// number up to which that is so. Events come in random orders; after each the commit point must be
// what this rule says.
func TestPaperCommitPointIsWhatAllAcknowledged(t *testing.T) {
	const decrees = 4
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		a := busyPrimary(t, nodeB, nodeC)
		have := map[int64]int{}
		var events []Event
		for d := int64(1); d <= decrees; d++ {
			a.step(write(uint64(d)))
			events = append(events, ackOf(nodeB, 3, d), ackOf(nodeC, 3, d))
		}
		rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		logged := int64(0) // the log finishes in order
		for len(events) > 0 || logged < decrees {
			if logged < decrees && (len(events) == 0 || rng.IntN(3) == 0) {
				logged++
				have[logged]++
				a.step(Logged{Ballot: 3, Decree: logged})
			} else {
				ev := events[0].(PrepareReplied)
				events = events[1:]
				have[ev.Decree]++
				a.step(ev, ev) // an acknowledgement that comes twice counts once
			}
			want := int64(0)
			for have[want+1] == 3 {
				want++
			}
			if a.LastCommitted() != want {
				t.Fatalf("seed %d: committed %d, all have up to %d", seed, a.LastCommitted(), want)
			}
		}
	}
}

// Paper 1.2: the primary executes what is committed and answers the client; the secondaries hear of the
// new commit point with a later prepare or a message of its own. Here that message is the group check,
// sent when no prepare comes for a while.
func TestPaperCommitIsToldWithTheNextPrepareOrANotice(t *testing.T) {
	a := busyPrimary(t, nodeB)
	a.step(write(1))
	e := a.step(Logged{Ballot: 3, Decree: 1}, ackOf(nodeB, 3, 1))
	if ap := one[Apply](t, e); !ap.Reply || ap.Mutation.Updates[0].Token != 1 {
		t.Errorf("applied %+v", ap)
	}
	if p := one[SendPrepare](t, a.step(write(2))); p.Mutation.LastCommitted != 1 {
		t.Errorf("the next prepare tells of %d", p.Mutation.LastCommitted)
	}
	a.step(Logged{Ballot: 3, Decree: 2}, ackOf(nodeB, 3, 2))
	a.now = a.NextDeadlineMs()
	if c := one[SendGroupCheck](t, a.step(Tick{})); c.LastCommitted != 2 || c.To != nodeB {
		t.Errorf("the notice is %+v", c)
	}
}

// Paper 1.2: a secondary moves its commit point when it is told, and no further. Here it also waits
// for its own log.
func TestPaperSecondaryCommitsWhatItIsTold(t *testing.T) {
	b := secondaryOf(t)
	b.step(prepareOf(1, 3, 1, 0), prepareOf(2, 3, 2, 0), prepareOf(3, 3, 3, 2))
	if b.LastCommitted() != 0 {
		t.Fatal("committed what is not in the log")
	}
	b.step(Logged{Ballot: 3, Decree: 1}, Logged{Ballot: 3, Decree: 2}, Logged{Ballot: 3, Decree: 3})
	if b.LastCommitted() != 2 {
		t.Errorf("committed %d, was told 2", b.LastCommitted())
	}
	e := b.step(GroupCheckReceived{Token: 9, Ballot: 3, Role: Secondary, Primary: nodeA, LastCommitted: 3})
	if b.LastCommitted() != 3 || len(only[Apply](e)) != 1 || only[Apply](e)[0].Reply {
		t.Errorf("after the notice: committed %d, %v", b.LastCommitted(), e)
	}
}

// Paper 1.2, commit invariant: what a member has committed is a prefix of what the primary has
// committed, and that is a prefix of what the member has prepared. It is compared by content after
// every event, under delays and duplicates.
func TestPaperCommitInvariant(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		c := newCluster(seed, 3)
		c.faults = faults{dupPercent: 10, delayMsMax: 40, lateLogs: true}
		compared := 0
		for i := 0; c.nowMs < 9000 && c.err == nil; i++ {
			if c.nowMs > 3000 && i%5 == 0 {
				c.write()
			}
			c.runOne()
			n, err := commitInvariant(c)
			if compared += n; err != nil {
				t.Fatalf("seed %d at %d ms: %v", seed, c.nowMs, err)
			}
		}
		if c.err != nil || compared < 1000 {
			t.Fatalf("seed %d: %d comparisons, %v", seed, compared, c.err)
		}
	}
}

// runOne lets the next event happen.
func (c *cluster) runOne() {
	if len(c.queue) > 0 {
		c.run(max(0, c.queue[0].at-c.nowMs))
	}
}

// commitInvariant compares the primary with each member of its ballot, once the primary has committed
// what it took over.
func commitInvariant(c *cluster) (compared int, err error) {
	for _, p := range c.nodes {
		if p.core == nil || p.core.Status() != Primary || p.core.LastCommitted() < p.core.primary.barrier {
			continue
		}
		for _, q := range c.nodes {
			if q.core == nil || q.core.Status() != Secondary || q.core.Config().Ballot != p.core.Config().Ballot {
				continue
			}
			compared++
			committedP, committedQ := p.disk.store, q.disk.store
			preparedQ := slices.Clone(committedQ)
			for d := q.core.LastCommitted() + 1; d <= q.core.MaxDecree(); d++ {
				preparedQ = append(preparedQ, content(q.core.list.get(d).m))
			}
			if !isPrefix(committedQ, committedP) || !isPrefix(committedP, preparedQ) {
				return compared, fmt.Errorf("%s committed %q; %s committed %q, prepared %q", p, committedP, q, committedQ, preparedQ)
			}
		}
	}
	return compared, nil
}

func isPrefix(a, b []string) bool { return len(a) <= len(b) && slices.Equal(a, b[:len(a)]) }

// Paper 1.2, primary invariant: a server believes itself primary only if the manager's configuration
// says so, hence there is one at any time. Compared after every event with what the manager has stored,
// while nodes are cut off, crash and give the role away. To believe means here: to answer clients.
func TestPaperPrimaryInvariant(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		c := newCluster(seed, 3)
		c.faults = faults{dropPercent: 2, dupPercent: 5, delayMsMax: 60}
		served := 0
		for c.nowMs < 30_000 && c.err == nil {
			if c.rng.IntN(300) == 0 {
				c.disturb()
			}
			c.runOne()
			for _, n := range c.nodes {
				if n.serves() {
					served++
					if p := c.meta.config().Primary; p != n.addr {
						t.Fatalf("seed %d at %d ms: %s serves, the stored primary is %s", seed, c.nowMs, n, c.nameOf(p))
					}
				}
			}
		}
		if c.err != nil || served < 100 {
			t.Fatalf("seed %d: served after %d events, %v", seed, served, c.err)
		}
	}
}

// Paper 1.2, reconfiguration invariant: when a new primary has finished reconciliation, its committed
// list has as a prefix every committed list that any replica had before. All ways in which the
// prepares of three updates and their acknowledgements can have got through are tried before the
// primary dies.
func TestPaperReconfigurationInvariant(t *testing.T) {
	for state := range 4 * 4 * 4 * 4 {
		g := newGroup(t, "started=3")
		got := [4]int{state & 3, state >> 2 & 3, state >> 4 & 3, state >> 6 & 3}
		g.do(fmt.Sprintf(`write w1
			drop prepare to=r2 skip=%d
			drop prepare to=r3 skip=%d
			drop prepare_ack from=r2 skip=%d
			drop prepare_ack from=r3 skip=%d
			write w2 w3 w4`, got[0], got[1], got[2], got[3]))
		before := [][]string{slices.Clone(g.named("r1").disk.store), slices.Clone(g.named("r2").disk.store), slices.Clone(g.named("r3").disk.store)}
		g.do("crash r1\nallow\nrun 6000")
		p := g.primary()
		if p == nil || p.name == "r1" || p.core.LastCommitted() < p.core.MaxDecree() {
			t.Fatalf("delivered %v: no new primary is ready: %s", got, g.state())
		}
		for i, list := range before {
			if !isPrefix(list, p.disk.store) {
				t.Fatalf("delivered %v: r%d had committed %q, the new primary has %q", got, i+1, list, p.disk.store)
			}
		}
	}
}
