package pacifica

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// The tests TestPaper... show, claim by claim, that the cores do what the PacificA paper says (Lin,
// Yang, Zhang, Zhou, MSR-TR-2008-25); docs/reliability/paper.md lists the claims. The comment of each
// test is the claim in our own words; where we depart from the paper it says how.

// Paper 1.1: servers stop when they fail; messages may be lost, delayed, reordered and doubled, but are
// not altered. Every kind of message suffers each of these in turn, while a group of two takes writes,
// a third member joins and the primary moves.
func TestPaperMessagesMayBeLostDelayedReorderedDoubled(t *testing.T) {
	kinds := strings.Fields(`prepare prepare_ack group_check group_check_ack add_learner learn learn_ack completion completion_ack
		proposal update update_ack beacon beacon_ack sync sync_ack remove`)
	for _, kind := range kinds {
		for _, fault := range []string{"drop %s times=1", "drop %s skip=1 times=2", "double %s", "hold %s skip=1 times=3", "hold %s"} {
			t.Run(kind+"/"+fault[:4], func(t *testing.T) {
				g := newGroup(t, "started=2")
				g.do("write w1 w2\n" + fmt.Sprintf(fault, kind) + `
					start r3
					run 600
					write w3 w4
					run 700
					plan force: DOWNGRADE_TO_SECONDARY r1
					run 900
					write w5
					release reversed
					run 300
					write w6
					plan force: REMOVE r2
					run 600
					allow
					release
					run 12000
					write w7
					run 400`)
				g.expectWhole()
			})
		}
	}
}

// Paper 1.1: of the group that holds a partition exactly one is primary, all others are secondaries.
func TestPaperGroupHasOnePrimaryAndSecondaries(t *testing.T) {
	g := newGroup(t, "started=3")
	roles := map[Status]int{}
	for _, n := range g.c.nodes {
		roles[n.core.Status()]++
		if want := g.c.meta.config().RoleOf(n.addr); n.core.Status() != want {
			t.Errorf("%s is %v, the configuration says %v", n, n.core.Status(), want)
		}
	}
	if roles[Primary] != 1 || roles[Secondary] != 2 {
		t.Errorf("roles %v", roles)
	}
}

// Paper 1.1: a configuration is who the members are, who of them is primary, and a version that grows
// by one with every change. Here the version is the ballot, and a replica asks for the next one
// whatever the change is.
func TestPaperEveryChangeTakesTheNextVersion(t *testing.T) {
	member := Config{Ballot: 3, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB, nodeC}}
	orphan := Config{Ballot: 3, MaxReplicaCount: 3, Secondaries: []Node{nodeB, nodeC}}
	ask := func(a *at, ev Event) UpdateMeta { return one[UpdateMeta](t, a.step(ev)) }
	changes := map[ConfigType]func() UpdateMeta{
		configAssignPrimary: func() UpdateMeta {
			return ask(newAt(t, nodeA), ProposalReceived{Type: configAssignPrimary, Node: nodeA, Config: Config{Ballot: 3, MaxReplicaCount: 3}})
		},
		configUpgradeToPrimary: func() UpdateMeta {
			return ask(secondaryOf(t), ProposalReceived{Type: configUpgradeToPrimary, Node: nodeB, Config: orphan})
		},
		configForceUpdateBallot: func() UpdateMeta { return ask(newAt(t, nodeA), ConfigSynced{Config: member}) },
	}
	for _, typ := range []ConfigType{configDowngradeToSecondary, configDowngradeToInactive, configRemove} {
		changes[typ] = func() UpdateMeta {
			return ask(primaryOf(t, nodeB, nodeC), ProposalReceived{Type: typ, Node: nodeA, Config: member})
		}
	}
	for typ, change := range changes {
		if got := change(); got.Type != typ || got.Config.Ballot != 4 {
			t.Errorf("%v asks for %v at ballot %d", typ, got.Type, got.Config.Ballot)
		}
	}
}

// Paper 1.1: the configuration manager takes a change only if the version which the requester started
// from is the stored one; otherwise nothing changes. Here the answer to all others is the stored
// configuration, which the requester adopts.
func TestPaperManagerTakesOnlyTheNextVersion(t *testing.T) {
	for offset := int64(-1); offset <= 3; offset++ {
		g := newGroup(t, "started=3")
		m := g.c.meta.(*realMeta)
		before := m.config()
		want := before.without(nodeC).withDropped(nodeC)
		want.Ballot = before.Ballot + offset
		var code base.ErrorCode
		var answer Config
		m.update(g.named("r1"), UpdateMeta{Type: configDowngradeToInactive, Node: nodeC, Config: want}, func(e base.ErrorCode, c Config) { code, answer = e, c })
		g.c.run(0)
		if offset == 1 {
			if code != base.ErrOK || answer.Ballot != before.Ballot+1 || answer.RoleOf(nodeC) != Inactive {
				t.Errorf("the next version: %s, %+v", code, answer)
			}
			continue
		}
		if code != base.ErrInvalidVersion || answer.Ballot != before.Ballot || answer.RoleOf(nodeC) != Secondary || m.config().Ballot != before.Ballot {
			t.Errorf("version %+d: %s, %+v, stored %+v", offset, code, answer, m.config())
		}
	}
}

// Paper 1.1: clients talk to the primary alone. It answers queries by itself, without a message to
// anybody; nobody else answers queries or takes updates.
func TestPaperOnlyThePrimaryServesClients(t *testing.T) {
	g := newGroup(t, "started=3")
	g.do("write w1")
	sent := g.sent
	if got := g.do("read"); got != "r1 answers at decree 1\n" || g.sent != sent {
		t.Errorf("read: %q, %d messages", got, g.sent-sent)
	}
	learner := newAt(t, nodeB)
	learner.step(GroupCheckReceived{Ballot: 3, Role: Learner, Signature: 3<<32 + 1, Primary: nodeA})
	loaded := newAt(t, nodeB)
	ended := primaryOf(t, nodeB)
	ended.step(Failed{Err: fmt.Errorf("disk")})
	for name, a := range map[string]*at{"secondary": secondaryOf(t), "learner": learner, "inactive": loaded, "error": ended} {
		if a.ReadsAllowed() {
			t.Errorf("a replica that is %s answers reads", name)
		}
		if f := one[FailWrites](t, a.step(write(1))); f.Err != base.ErrInvalidState {
			t.Errorf("a replica that is %s takes a write: %+v", name, f)
		}
	}
}

// Paper 1.1: reconfiguration goes through the manager, replication of data never does. Here the lease
// comes from the manager too, so this holds as long as a lease does.
func TestPaperReplicationDoesNotNeedTheManager(t *testing.T) {
	g := newGroup(t, "started=3")
	g.do("meta stop")
	for i := range 15 {
		g.do(fmt.Sprintf("write w%d\nrun 100", i))
	}
	if len(g.c.acked) != 15 {
		t.Errorf("%d of 15 writes answered without a meta server", len(g.c.acked))
	}
	g.do("run 1000\nwrite late")
	if len(g.c.acked) != 15 || g.do("read") != "nobody answers\n" {
		t.Error("served after the lease")
	}
	g.do("meta start\nrun 3000\nwrite w15\nrun 400")
	g.expectWhole()
}

// The manager knows the kinds of changes by what they do to the members.
func TestPaperManagerRefusesChangesThatDoNotFit(t *testing.T) {
	g := newGroup(t, "started=3")
	m := g.c.meta.(*realMeta)
	before := m.config()
	for typ, change := range map[metaadmin.ConfigType]func(Config) Config{
		configUpgradeToPrimary:   func(c Config) Config { return c.withPrimary(nodeC) },                       // there is one
		configUpgradeToSecondary: func(c Config) Config { return c.withSecondary(nodeC) },                     // it is one
		configAssignPrimary:      func(c Config) Config { return Config{Primary: nodeC, MaxReplicaCount: 3} }, // there are members
	} {
		want := change(before)
		want.Ballot = before.Ballot + 1
		var code base.ErrorCode
		m.update(g.named("r3"), UpdateMeta{Type: typ, Node: nodeC, Config: want}, func(e base.ErrorCode, c Config) { code = e })
		g.c.run(0)
		if m.config().Ballot != before.Ballot || code != base.ErrInvalidVersion {
			t.Errorf("%v: %s, stored %+v", typ, code, m.config())
		}
	}
}
