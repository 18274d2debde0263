//go:build linux

package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/pegasus-go/pegasus/compat-tests/netlab"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
	"github.com/pegasus-go/pegasus/internal/ports"
)

const (
	metas       = 3
	partitions  = 8
	table       = "chaos"
	metaPort    = 34601
	replicaPort = 34801
	// One replica server has its data on a small file system, so that its disk can be filled up.
	smallDiskBytes = 512 << 20
)

// shape is what a scenario's cluster looks like.
type shape struct {
	replicas  int
	zooKeeper bool     // the meta state is kept by an ensemble of three
	settings  settings // on top of the defaults, for every server
}

// settings of a configuration file by section and key.
type settings map[string]map[string]any

// theCluster is the servers of a run, and a host for its clients.
type theCluster struct {
	lab      *netlab.Lab
	dir      string
	clients  *netlab.Host
	servers  []*server
	small    *server // the one with the small disk; nil without a lab of namespaces
	smallDir string
}

// newCluster lays the servers out and writes their configuration; it starts nothing.
func newCluster(lab *netlab.Lab, dir, binary string, s shape, onEnd func(string)) (*theCluster, error) {
	c := &theCluster{lab: lab, dir: dir}
	var err error
	if c.clients, err = lab.Host("clients"); err != nil {
		return nil, err
	}
	if lab.Isolated() {
		// An old client waits for a connection to a server that can't be reached; let it not wait for minutes.
		if err := c.clients.SetSysctl("ipv4/tcp_syn_retries", "2"); err != nil {
			return nil, err
		}
	}
	bases := []int{metaPort, replicaPort}
	if !lab.Isolated() {
		first := ports.Free(metas + s.replicas)
		if first == 0 {
			return nil, errors.New("no free ports")
		}
		bases = []int{first, first + metas}
	}
	if s.zooKeeper {
		if err := c.addEnsemble(onEnd); err != nil {
			return nil, err
		}
	}
	for i := range metas + s.replicas {
		role, n, port := roleMeta, i+1, bases[0]
		if i >= metas {
			role, n, port = roleReplica, i-metas+1, bases[1]
		}
		if !lab.Isolated() {
			port += n - 1
		}
		if err := c.add(fmt.Sprintf("%s%d", role, n), role, port, binary, onEnd); err != nil {
			return nil, err
		}
	}
	for _, one := range c.servers {
		if err := c.configure(one, s); err != nil {
			return nil, err
		}
	}
	return c, c.mountSmallDisk()
}

func (c *theCluster) add(name, role string, port int, binary string, onEnd func(string)) error {
	host, err := c.lab.Host(name)
	if err != nil {
		return err
	}
	dir := filepath.Join(c.dir, name)
	s := &server{name: name, role: role, host: host, addr: fmt.Sprintf("%s:%d", host.Addr, port), dir: dir, onEnd: onEnd}
	s.command = []string{binary, "server", "--config", filepath.Join(dir, "config.toml"), "--log-file", filepath.Join(dir, "server.log")}
	c.servers = append(c.servers, s)
	return os.MkdirAll(filepath.Join(dir, "data"), 0o755)
}

func (c *theCluster) configure(one *server, s shape) error {
	if one.role == roleZooKeeper {
		return nil // has its own
	}
	host, port, _ := strings.Cut(one.addr, ":")
	var number int
	if _, err := fmt.Sscan(port, &number); err != nil {
		return err
	}
	meta := map[string]any{"server_list": c.addresses(roleMeta)}
	file := settings{
		"core":        {"data_dir": filepath.Join(one.dir, "data")},
		"network":     {"explicit_host_address": host},
		"meta_server": meta,
		"replication": {"cluster_name": "chaos"},
	}
	if one.role == roleReplica {
		file["replication"]["data_dirs"] = "data:" + filepath.Join(one.dir, "data", "replicas")
	} else if s.zooKeeper {
		meta["meta_state_service_type"] = "meta_state_service_zookeeper"
		file["zookeeper"] = map[string]any{"hosts_list": c.addresses(roleZooKeeper)}
	} else {
		meta["meta_state_service_type"] = "meta_state_service_embedded"
		meta["meta_state_service_parameters"] = filepath.Join(c.dir, "meta_state")
	}
	if one.role == roleMeta {
		// Servers are restarted at will here; that says nothing about their health.
		meta["stable_rs_min_running_seconds"] = 0
		meta["apps"] = map[string]any{table: map[string]any{"app_name": table, "app_type": "pegasus", "partition_count": partitions, "max_replica_count": 3}}
	}
	for section, keys := range s.settings {
		if file[section] == nil {
			file[section] = map[string]any{}
		}
		maps.Copy(file[section], keys)
	}
	if own := file["pegasus.server"]; own != nil { // the dot is one of TOML's
		delete(file, "pegasus.server")
		file["pegasus"] = map[string]any{"server": own}
	}
	file["apps"] = map[string]any{one.role: map[string]any{"ports": number}}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(file); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(one.dir, "config.toml"), text.Bytes(), 0o644)
}

// mountSmallDisk gives the last replica server a data directory that can be full.
func (c *theCluster) mountSmallDisk() error {
	if !c.lab.Isolated() {
		return nil
	}
	c.small = c.servers[len(c.servers)-1]
	c.smallDir = filepath.Join(c.small.dir, "data")
	return c.small.host.MountTmpfs(c.smallDir, smallDiskBytes)
}

func (c *theCluster) of(role string) (list []*server) {
	for _, s := range c.servers {
		if s.role == role {
			list = append(list, s)
		}
	}
	return list
}

func (c *theCluster) addresses(role string) (list []string) {
	for _, s := range c.of(role) {
		list = append(list, s.addr)
	}
	return list
}

// start starts what does not run, and wakes what is paused.
func (c *theCluster) start() error {
	var errs []error
	for _, role := range []string{roleZooKeeper, roleMeta, roleReplica} {
		for _, s := range c.of(role) {
			if !s.running() {
				errs = append(errs, s.start())
			}
			errs = append(errs, s.resume())
		}
	}
	return errors.Join(errs...)
}

// stop asks every server to stop: replica servers first, the ensemble last.
func (c *theCluster) stop() error {
	var errs []error
	for _, role := range []string{roleReplica, roleMeta, roleZooKeeper} {
		done := make(chan error)
		sig := syscall.SIGINT // all stop: there is nobody to hand over to
		if role == roleZooKeeper {
			sig = syscall.SIGTERM
		}
		for _, s := range c.of(role) {
			go func() { done <- s.stop(sig) }()
		}
		for range c.of(role) {
			errs = append(errs, <-done)
		}
	}
	return errors.Join(errs...)
}

// awaitHealthy waits until every partition has a primary and two secondaries, and these servers know that.
func (c *theCluster) awaitHealthy(within time.Duration) (cfg thft.Config, err error) {
	err = c.clients.Do(func() (err error) {
		cfg, err = thft.AwaitServing(c.addresses(roleMeta), table, within)
		return err
	})
	return cfg, err
}

// leader is the meta server that leads now.
func (c *theCluster) leader(within time.Duration) (*server, error) {
	var addr string
	err := c.clients.Do(func() (err error) {
		addr, err = thft.Leader(c.addresses(roleMeta), within)
		return err
	})
	for _, s := range c.of(roleMeta) {
		if s.addr == addr {
			return s, err
		}
	}
	return nil, err
}
