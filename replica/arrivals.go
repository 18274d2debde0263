package replica

import (
	"sync/atomic"

	"github.com/pegasus-go/pegasus/replica/pacifica"
)

// arrivals counts what a mutation of the primary still waits for: its entry in the log, and an answer of each member that it
// was sent to. Nothing can be decided before the last of them is there, so only that one gives the loop a turn, unless something
// failed. It counts up while the mutation is sent and logged; an answer that comes in between takes a turn that it need not.
type arrivals struct{ left atomic.Int32 }

func (a *arrivals) expect() { a.left.Add(1) }

// last reports, once for every expect, whether nothing else is expected now. A nil arrivals waits for nothing.
func (a *arrivals) last() bool { return a == nil || a.left.Add(-1) <= 0 }

// arrivalsOf is for the mutation that was sent last; nil when it is another one, as on a secondary.
func (p *partition) arrivalsOf(m *pacifica.Mutation) *arrivals {
	if p.lastPrepare.mutation != m {
		return nil
	}
	return p.lastPrepare.arrivals
}
