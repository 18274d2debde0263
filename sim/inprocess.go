package sim

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/meta"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/replica"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// InProcess is a cluster of one meta server and some replica servers on free ports of 127.0.0.1.
type InProcess struct {
	Meta     *meta.Server
	Replicas []*replica.Server

	state  *zkmeta.Embedded
	dir    string
	logger *slog.Logger
}

// StartInProcess starts a cluster whose data is below dir. tables are created at the first start.
func StartInProcess(dir string, replicas int, tables []cluster.DefaultApp, logger *slog.Logger) (*InProcess, error) {
	c := &InProcess{dir: dir, logger: logger, Replicas: make([]*replica.Server, replicas)}
	var err error
	if c.state, err = zkmeta.OpenEmbedded(filepath.Join(dir, "meta"), zkmeta.EmbeddedOptions{Logger: logger}); err != nil {
		return nil, err
	}
	o := meta.Options{Listen: "127.0.0.1:0", Backend: c.state, ClusterRoot: "/pegasus/test", Cluster: cluster.DefaultOptions(), DefaultApps: tables, Logger: logger}
	o.Cluster.AssignDelayMs = 1000
	if c.Meta, err = meta.Start(o); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	for i := range replicas {
		if err := c.StartReplica(i, "127.0.0.1:0"); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

// StartReplica starts replica server i; listen is where, with port 0 for any.
func (c *InProcess) StartReplica(i int, listen string) error {
	s, err := replica.NewServer(replica.Options{
		Listen: listen, Metas: []base.RPCAddress{c.Meta.Addr()}, DataDirs: fmt.Sprintf("d:%s", filepath.Join(c.dir, fmt.Sprintf("replica%d", i+1))),
		BeaconInterval: 500 * time.Millisecond, CheckpointInterval: time.Second, Logger: c.logger,
	})
	if err != nil {
		return err
	}
	c.Replicas[i] = s
	return s.Start()
}

// Close stops everything.
func (c *InProcess) Close() error {
	var errs []error
	for _, s := range c.Replicas {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	if c.Meta != nil {
		errs = append(errs, c.Meta.Close())
	}
	return errors.Join(append(errs, c.state.Close())...)
}
