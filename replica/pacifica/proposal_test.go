package pacifica

import "testing"

// A proposal may be old: it was sent when this replica was about to be primary, the lease ended, somebody
// else became primary, the lease is back, and now it arrives. Only an answer to a question gives the role.
func TestProposalNeverGivesThePrimaryRole(t *testing.T) {
	a := primaryOf(t, nodeB, nodeC)
	a.step(Disconnected{})
	cfg := Config{Ballot: 4, MaxReplicaCount: 3, Primary: nodeA, Secondaries: []Node{nodeB}}
	a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: cfg})
	if a.Status() == Primary {
		t.Error("primary by a proposal")
	}
	a.step(ConfigSynced{Config: cfg})
	if a.Status() != Primary || a.Config().Ballot != 4 {
		t.Errorf("status %v, ballot %d", a.Status(), a.Config().Ballot)
	}
	// Who is primary already follows a change that the meta server made by itself.
	cfg.Ballot, cfg.MaxReplicaCount = 5, 4
	a.step(ProposalReceived{Type: configAddSecondary, Node: nodeC, Config: cfg})
	if a.Status() != Primary || a.Config().Ballot != 5 || len(a.Learners()) != 1 {
		t.Errorf("status %v, ballot %d, learners %v", a.Status(), a.Config().Ballot, a.Learners())
	}
}
