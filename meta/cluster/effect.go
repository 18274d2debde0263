package cluster

import (
	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// Ticket stands for a request that is answered later. The host makes them; HostPort says whether
// the asker wants hp_* fields.
type Ticket struct {
	ID       uint64
	HostPort bool
}

// Effect is something the host has to do. Effects are carried out in order, except that several
// writes may be on their way at once: they never concern the same table or partition node.
type Effect interface{ effect() }

// PersistApp asks to write the node of a table (create it when it is missing) and to call
// AppPersisted afterwards.
type PersistApp struct{ Info *layer2.AppInfo }

// PersistPartition asks to write the node of a partition (create it when it is missing) and to call
// PartitionPersisted afterwards.
type PersistPartition struct{ Config Config }

// Propose asks to send a proposal, one way.
type Propose struct {
	To      base.RPCAddress
	Request *metaadmin.ConfigurationUpdateRequest
}

// Reply answers the request behind a ticket; nil means that it never gets an answer.
type Reply struct {
	Ticket   Ticket
	Response thrift.TStruct
}

// Note is a line for the log.
type Note struct {
	Warn bool
	Text string
}

func (PersistApp) effect()       {}
func (PersistPartition) effect() {}
func (Propose) effect()          {}
func (Reply) effect()            {}
func (Note) effect()             {}
