package seeded

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	core "github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// Options of a run. The zero value is the run that CI makes.
type Options struct {
	Duration time.Duration // of the phase with faults; default an hour
	Metas    int           // default 3
	Replicas int           // replica servers at first, default 4; one more may join
	Clients  int           // default 3
	Keys     int           // rows that clients contend for, default 4
	ThinkMax time.Duration // of a client between operations, default 16 s
	Trace    io.Writer     // gets everything that happens, as text
	Logs     bool          // with what the servers log
	Only     []string      // kinds of faults to draw from; nil: all
}

func (o *Options) setDefaults() {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Metas, 3)
	def(&o.Replicas, 4)
	def(&o.Clients, 3)
	def(&o.Keys, 4)
	if o.Duration == 0 {
		o.Duration = time.Hour
	}
	if o.ThinkMax == 0 {
		o.ThinkMax = 16 * time.Second
	}
}

// The tables that exist from the start.
const (
	mainTable      = "main"
	mainPartitions = 3
)

// cluster is all machines of a run.
type cluster struct {
	w        *World
	opts     Options
	net      *network
	state    *stateService
	metas    []*machine
	replicas []*machine
	clients  []*client
	history  history
	checks   *checker
	values   int // written so far; every value is written once

	outcomes map[string]int // of operations, by kind and code
	faults   map[string]int // injected, by kind
}

// newCluster sets everything up; nothing runs yet.
func newCluster(w *World, opts Options) *cluster {
	c := &cluster{
		w: w, opts: opts, history: history{rows: map[string][]op{}}, outcomes: map[string]int{}, faults: map[string]int{},
	}
	c.net = &network{w: w, servers: map[base.RPCAddress]*endpoint{}}
	c.checks = newChecker(c)
	c.net.answered = c.checks.answered
	index := 0
	next := func() int { index++; return index - 1 }
	for i := range opts.Metas {
		c.metas = append(c.metas, &machine{c: c, index: next(), name: fmt.Sprintf("meta%d", i+1), rate: 1})
	}
	for i := range opts.Replicas + 1 {
		m := &machine{c: c, index: next(), name: fmt.Sprintf("replica%d", i+1), rate: 1}
		m.disk = faultfs.New(faultfs.Options{Now: m.now, CapacityBytes: diskBytes})
		c.replicas = append(c.replicas, m)
	}
	for i := range opts.Clients {
		c.clients = append(c.clients, newClient(c, i+1, next()))
	}
	c.state = newStateService(w, c.net, next())
	c.state.stored = func(p partition) { c.checks.group(p.gpid).stored[p.Ballot] = p.partitionState }
	return c
}

const diskBytes = 1 << 32

func (c *cluster) defaultApps() []core.DefaultApp {
	return []core.DefaultApp{{Name: mainTable, PartitionCount: mainPartitions, ReplicaCount: 3}}
}

// start boots the machines and lets the clients work.
func (c *cluster) start() {
	for _, m := range c.metas {
		c.startMeta(m)
	}
	for _, m := range c.replicas[:c.opts.Replicas] {
		c.startReplica(m)
	}
	for _, cl := range c.clients {
		cl.node.Go(cl.run)
	}
}

func (c *cluster) count(kind string, code base.ErrorCode) {
	if code == base.ErrOK {
		c.outcomes["ok"]++
		return
	}
	c.outcomes[code.Name]++
}

// note tells the reader of the trace.
func (c *cluster) note(who, format string, args ...any) {
	c.w.trace.line(c.w.now, "%-9s %s", who, fmt.Sprintf(format, args...))
}

// machineAt finds a server's machine by its index.
func (c *cluster) machineAt(index int) *machine {
	if index < len(c.metas) {
		return c.metas[index]
	}
	return c.replicas[index-len(c.metas)]
}

// logger passes what a server logs on to the trace, and ends the run over what must not be.
func (c *cluster) logger(m *machine) *slog.Logger {
	return slog.New(&logHandler{c: c, name: m.name, over: &m.node.over})
}
