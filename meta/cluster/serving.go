package cluster

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// servedBy is what a member last reported; zero when it did not.
func (p *Partition) servedBy(n base.RPCAddress) served {
	for i := range p.serving {
		if p.serving[i].node == n {
			return p.serving[i]
		}
	}
	return served{}
}

func (p *Partition) setServing(sv served) {
	p.dropServing(sv.node)
	p.serving = append(p.serving, sv)
}

func (p *Partition) dropServing(n base.RPCAddress) {
	for i := range p.serving {
		if p.serving[i].node == n {
			last := len(p.serving) - 1
			p.serving[i] = p.serving[last]
			p.serving = p.serving[:last]
			return
		}
	}
}

// diskTagsMax bounds the disks of a server whose names are kept once for all its replicas.
const diskTagsMax = 64

// internTag returns a copy of the name that other replicas on the disk have, too.
func (n *Node) internTag(tag string) string {
	if i := slices.Index(n.tags, tag); i >= 0 {
		return n.tags[i]
	}
	if len(n.tags) < diskTagsMax {
		n.tags = append(n.tags, tag)
	}
	return tag
}
