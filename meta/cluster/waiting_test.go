package cluster

import (
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// TestPlaceOfALearnerIsTakenAtOnce: three partitions need a secondary on a server that takes one learner at a time. The end
// of one learning is followed by the next proposal without any time passing, in the order of partitions.
func TestPlaceOfALearnerIsTakenAtOnce(t *testing.T) {
	o := DefaultOptions()
	o.MinLiveNodesForUnfreeze, o.AddSecondaryMaxPerNode = 1, 1
	s := New(o)
	n1, n2 := nodeAddr("n1"), nodeAddr("n2")
	l := LoadedApp{Info: &layer2.AppInfo{
		Status: layer2.AppStatus_AS_AVAILABLE, AppName: "t", AppID: 1, PartitionCount: 3, MaxReplicaCount: 2, InitPartitionCount: 3,
	}}
	for i := range int32(3) {
		l.Partitions = append(l.Partitions, &Config{
			Pid: base.Gpid{AppID: 1, PartitionIndex: i}, Ballot: 1, MaxReplicaCount: 2, Primary: n1, LastDrops: []base.RPCAddress{n2},
		})
	}
	if err := s.Load(1000, []LoadedApp{l}); err != nil {
		t.Fatal(err)
	}
	now := int64(10_000)
	s.OnBeacon(now, Beacon{From: n1, StartMs: 1})
	s.OnBeacon(now, Beacon{From: n2, StartMs: 1})
	s.Tick(now)
	for i := range int32(3) {
		var got []*Propose
		for _, e := range s.Take() {
			if p, ok := e.(Propose); ok {
				got = append(got, &p)
			}
		}
		if len(got) != 1 || got[0].Request.Type != metaadmin.ConfigType_CT_ADD_SECONDARY || got[0].Request.Config.Pid.PartitionIndex != i {
			t.Fatalf("turn %d: %d proposals, want one, to add a secondary of 1.%d", i, len(got), i)
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		want, _ := s.partition(base.Gpid{AppID: 1, PartitionIndex: i}).config.next(metaadmin.ConfigType_CT_UPGRADE_TO_SECONDARY, n2)
		s.UpdateConfiguration(now, Ticket{}, &metaadmin.ConfigurationUpdateRequest{Type: metaadmin.ConfigType_CT_UPGRADE_TO_SECONDARY}, want, n2)
		s.PartitionPersisted(now, want.Pid)
	}
	if n := s.nodes[n2]; n.waiters != 0 || n.total.newPartitions != 0 || n.total.partitions != 3 {
		t.Errorf("in the end %d wait, %d are planned, %d held; want 0, 0, 3", n.waiters, n.total.newPartitions, n.total.partitions)
	}
}
