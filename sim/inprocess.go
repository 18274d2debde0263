package sim

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/meta"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/replica"
	"github.com/pegasus-go/pegasus/sim/faultfs"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// Config of a cluster in one process.
type Config struct {
	Dir      string // the meta servers' state, and the replica servers' data unless Disk says otherwise
	Metas    int    // default 1
	Replicas int
	Tables   []cluster.DefaultApp // created at the first start
	// Disk, when set, is the disk of each replica server at its first start.
	Disk func(i int) *faultfs.Disk
	// Tune changes the options of a replica server before each start, TuneMeta those of a meta.
	Tune     func(i int, o *replica.Options)
	TuneMeta func(o *meta.Options)
	Logger   *slog.Logger
}

// InProcess is a cluster on free ports of 127.0.0.1. Servers keep their ports over restarts.
type InProcess struct {
	Meta     *meta.Server // the first one
	Metas    []*meta.Server
	Replicas []*replica.Server
	Disks    []*faultfs.Disk // nil elements: the real file system

	cfg    Config
	states []*zkmeta.Embedded
	addrs  []base.RPCAddress // of the metas
}

// StartInProcess starts a cluster of one meta and some replica servers with their data below dir.
func StartInProcess(dir string, replicas int, tables []cluster.DefaultApp, logger *slog.Logger) (*InProcess, error) {
	return Start(Config{Dir: dir, Replicas: replicas, Tables: tables, Logger: logger})
}

// Start starts a cluster.
func Start(cfg Config) (*InProcess, error) {
	n := max(cfg.Metas, 1)
	c := &InProcess{
		cfg: cfg, Replicas: make([]*replica.Server, cfg.Replicas), Disks: make([]*faultfs.Disk, cfg.Replicas),
		Metas: make([]*meta.Server, n), states: make([]*zkmeta.Embedded, n), addrs: make([]base.RPCAddress, n),
	}
	for i := range n {
		if err := c.StartMeta(i); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	for i := range cfg.Replicas {
		if cfg.Disk != nil {
			c.Disks[i] = cfg.Disk(i)
		}
		if err := c.StartReplica(i, "127.0.0.1:0"); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// MetaList is the addresses of all metas.
func (c *InProcess) MetaList() []string {
	var out []string
	for _, a := range c.addrs {
		out = append(out, a.String())
	}
	return out
}

// StartMeta starts meta i, on its old port when it had one.
func (c *InProcess) StartMeta(i int) error {
	state, err := zkmeta.OpenEmbedded(filepath.Join(c.cfg.Dir, "meta"), zkmeta.EmbeddedOptions{Logger: c.cfg.Logger})
	if err != nil {
		return err
	}
	listen := "127.0.0.1:0"
	if c.addrs[i].IsValid() {
		listen = c.addrs[i].String()
	}
	o := meta.Options{Listen: listen, Backend: state, ClusterRoot: "/pegasus/test", Cluster: cluster.DefaultOptions(), DefaultApps: c.cfg.Tables, Logger: c.cfg.Logger}
	o.Cluster.AssignDelayMs = 1000
	if c.cfg.TuneMeta != nil {
		c.cfg.TuneMeta(&o)
	}
	err = whilePortTaken(func() error {
		c.Metas[i], err = meta.Start(o)
		return err
	})
	if err != nil {
		return errors.Join(err, state.Close())
	}
	c.states[i], c.addrs[i] = state, c.Metas[i].Addr()
	c.Meta = c.Metas[0]
	return nil
}

// StopMeta ends meta i.
func (c *InProcess) StopMeta(i int) error {
	m, state := c.Metas[i], c.states[i]
	c.Metas[i], c.states[i] = nil, nil
	if m == nil {
		return nil
	}
	return errors.Join(m.Close(), state.Close())
}

// StartReplica starts replica server i; listen is where, with port 0 for any.
func (c *InProcess) StartReplica(i int, listen string) error {
	o := replica.Options{
		Listen: listen, Metas: slices.Clone(c.addrs), DataDirs: fmt.Sprintf("d:%s", filepath.Join(c.cfg.Dir, fmt.Sprintf("replica%d", i+1))),
		BeaconInterval: 500 * time.Millisecond, CheckpointInterval: time.Second, Logger: c.cfg.Logger,
	}
	if c.Disks[i] != nil {
		o.FS = c.Disks[i]
	}
	if c.cfg.Tune != nil {
		c.cfg.Tune(i, &o)
	}
	return whilePortTaken(func() error {
		s, err := replica.NewServer(o)
		if err != nil {
			return err
		}
		if err := s.Start(); err != nil {
			return errors.Join(err, s.Close())
		}
		c.Replicas[i] = s
		return nil
	})
}

// RestartReplica starts replica server i again where it was.
func (c *InProcess) RestartReplica(i int) error {
	return c.StartReplica(i, c.Replicas[i].Addr().String())
}

// CrashReplica ends replica server i, on a disk of Config.Disk, without a warning; cut says what is on the
// disk afterwards. The server is gone when it returns.
func (c *InProcess) CrashReplica(i int, cut func(*faultfs.Disk) *faultfs.Disk) {
	next := cut(c.Disks[i])
	_ = c.Replicas[i].Close() // complains about a disk without power
	c.Disks[i] = next
}

// whilePortTaken tries again for a while when another program got hold of the port meanwhile.
func whilePortTaken(start func() error) error {
	for try := 0; ; try++ {
		err := start()
		if err == nil || try == 100 || !strings.Contains(err.Error(), "address already in use") {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Close stops everything.
func (c *InProcess) Close() error {
	var errs []error
	for _, s := range c.Replicas {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	for i := range c.Metas {
		errs = append(errs, c.StopMeta(i))
	}
	return errors.Join(errs...)
}
