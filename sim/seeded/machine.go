package seeded

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/meta"
	core "github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/replica"
	"github.com/pegasus-go/pegasus/rrdb"
	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// machine is a place for a server; its disk and its clocks outlive the server.
type machine struct {
	c     *cluster
	index int
	name  string

	rate float64
	skew time.Duration
	disk *faultfs.Disk

	node    *Node // of the present life, nil while it is down
	port    *port
	replica *replica.Server
	meta    *meta.Server
	state   *session
	up      bool // the server serves
	busy    bool // a task starts or stops it
	dying   bool
	hurt    bool // what is on its disk was damaged from outside
	lives   int
	startMs int64 // of its server, by its own clock
}

func (m *machine) addr() base.RPCAddress { return addressOf(m.index) }

// now dates the files of its disk.
func (m *machine) now() time.Time {
	if m.node != nil {
		return m.node.Now()
	}
	return epoch.Add(m.c.w.now + m.skew)
}

// boot begins a life.
func (m *machine) boot() {
	m.lives++
	m.node = m.c.w.node(m.name)
	m.node.rate, m.node.skew = m.rate, m.skew
	m.port = m.c.net.port(m.node, m.index, m.addr(), false)
}

// Times of the shipped configuration, see conf/, but for the beacons, which come every second there.
const (
	beaconInterval = 2 * time.Second
	lease          = 7 * time.Second
	graceMs        = 8000
	syncInterval   = 10 * time.Second
)

func (c *cluster) startMeta(m *machine) {
	m.boot()
	o := meta.Options{
		Listen: m.addr().String(), Name: m.addr().String(), ClusterRoot: "/pegasus/sim", Cluster: core.DefaultOptions(), DefaultApps: c.defaultApps(),
		Host: m.node, Net: m.port, Logger: c.logger(m), StoreWorkers: 4, TickEvery: 400 * time.Millisecond,
	}
	o.Cluster.FDGraceMs = graceMs
	o.Cluster.AssignDelayMs = 300_000
	m.state = c.state.connect(m.port, m.addr().String())
	o.Backend = m.state
	m.busy = true
	m.node.Go(func() {
		s, err := meta.Start(o)
		m.busy = false
		if err != nil {
			c.w.fail("%s does not start: %v", m.name, err)
			return
		}
		m.meta, m.up = s, true
	})
	c.note(m.name, "starts")
}

func (c *cluster) startReplica(m *machine) {
	m.boot()
	node := m.node
	o := replica.Options{
		Listen: m.addr().String(), Address: m.addr().String(), DataDirs: "ssd:/data1,hdd:/data2", FS: m.disk, Host: node, Net: m.port,
		Observer: &observer{checks: c.checks, m: m, node: node}, Logger: c.logger(m), NoHTTP: true,
		BeaconInterval: beaconInterval, Lease: lease, ConfigSyncInterval: syncInterval, TickInterval: 400 * time.Millisecond,
		CheckpointInterval: 100 * time.Second, FlushBehindBytes: 24 << 10,
		Engine: rrdb.EngineOptions{
			SweepPeriod: -1, Deterministic: true, BlockCacheBytes: 8 << 20, SlowQueryMs: -1,
			Notify: func(f func()) { c.w.post(node, f) },
		},
	}
	o.Plog.FileBytesMax, o.Plog.PreallocBytes = 16<<10, 4<<10
	o.Plog.ReserveBytesMax = 32 << 10
	o.JournalFileBytes = 64 << 10
	for _, meta := range c.metas {
		o.Metas = append(o.Metas, meta.addr())
	}
	c.checks.begin(m)
	m.busy = true
	node.Go(func() {
		m.startMs = node.Now().UnixMilli()
		s, err := replica.NewServer(o)
		if err == nil {
			if err = s.Start(); err != nil {
				s.Close()
			}
		}
		m.busy = false
		if err != nil {
			c.note(m.name, "does not start")
			c.w.trace.comment(c.w.now, err.Error())
			if !m.dying {
				m.port.unplug()
				c.bury(m)
				c.w.at(5*time.Second, nil, func() { c.restart(m) })
			}
			return
		}
		m.replica, m.up = s, true
	})
	c.note(m.name, "starts, life %d", m.lives)
}

// restart starts a machine that is down.
func (c *cluster) restart(m *machine) {
	if m.node != nil {
		return
	}
	if m.disk != nil {
		c.startReplica(m)
	} else {
		c.startMeta(m)
	}
}

// stop ends a server as SIGTERM does and calls then when it is gone.
func (c *cluster) stop(m *machine, then func()) {
	if !m.up {
		return
	}
	m.up, m.busy = false, true
	node := m.node
	c.note(m.name, "stops")
	node.Go(func() {
		if m.replica != nil {
			ctx, cancel := node.WithTimeout(context.Background(), 10*time.Second)
			if err := m.replica.Shutdown(ctx); err != nil {
				c.w.trace.comment(c.w.now, m.name+" stops with "+err.Error())
			}
			cancel()
		} else {
			m.meta.Close()
			m.state.Close()
		}
		m.busy = false
		if !m.dying {
			m.port.unplug()
			c.bury(m)
			then()
		}
	})
}

// kill ends a server at this instant. Its disk goes on as crash says.
func (c *cluster) kill(m *machine, crash faultfs.CrashOptions) {
	if m.node == nil {
		return
	}
	m.dying = true
	m.node.over.Store(true)
	m.port.unplug()
	if m.disk != nil {
		m.disk = m.disk.Crash(rand.New(rand.NewPCG(c.w.rng.Uint64(), 0)), crash)
	}
	// The engine's goroutines may say something at any time now: nothing of this may touch chance.
	rng := c.w.rng
	c.w.rng = rand.New(rand.NewPCG(uint64(c.w.now), uint64(m.index)))
	defer func() { c.w.rng = rng }()
	// What is left of the process is taken apart: without network, on a disk without power, in no time.
	c.w.drain(m.node, func() bool { return !m.busy })
	closed := false
	m.node.Go(func() {
		switch {
		case m.replica != nil:
			_ = m.replica.Abandon() // complains about the disk
		case m.meta != nil:
			_ = m.meta.Close()
			_ = m.state.Close()
		}
		closed = true
	})
	c.w.drain(m.node, func() bool { return closed })
	c.bury(m)
	m.dying = false
}

func (c *cluster) bury(m *machine) {
	m.node.gone = true
	c.checks.end(m)
	m.node, m.port, m.replica, m.meta, m.state, m.up = nil, nil, nil, nil, nil, false
}
