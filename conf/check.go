package conf

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// checkText is the check that a field's tag names, for a string.
func checkText(check, s string) error {
	switch check {
	case "nonempty":
		if s == "" {
			return errors.New("must not be empty")
		}
	case "path":
		return checkPath(s)
	case "emptypath":
		if s != "" {
			return checkPath(s)
		}
	}
	return nil
}

// checkPath accepts the absolute path of a node.
func checkPath(s string) error {
	if s == "/" {
		return nil
	}
	if !strings.HasPrefix(s, "/") {
		return errors.New("want a path that begins with a slash")
	}
	for _, c := range strings.Split(s[1:], "/") {
		if c == "" || c == "." || c == ".." {
			return fmt.Errorf("the path has a component %q", c)
		}
	}
	return nil
}

func checkList(check string, l List) error {
	switch check {
	case "hostports":
		return checkHostPorts(l)
	case "datadirs":
		return checkDataDirs(l)
	}
	return nil
}

func checkHostPorts(l List) error {
	for i, s := range l {
		host, port, err := net.SplitHostPort(s)
		n, perr := strconv.Atoi(port)
		if err != nil || perr != nil || host == "" || n < 1 || n > 65535 {
			return fmt.Errorf("%q is not host:port", s)
		}
		if slices.Contains(l[:i], s) {
			return fmt.Errorf("%q is there twice", s)
		}
	}
	return nil
}

// checkDataDirs wants "tag:/path" with tags and paths that are all different.
func checkDataDirs(l List) error {
	tags, paths := map[string]bool{}, map[string]bool{}
	for _, s := range l {
		tag, path, ok := strings.Cut(s, ":")
		if !ok || tag == "" || path == "" {
			return fmt.Errorf("%q is not tag:path", s)
		}
		path = filepath.Clean(path)
		if tags[tag] || paths[path] {
			return fmt.Errorf("the tag or the path of %q is there twice", s)
		}
		tags[tag], paths[path] = true, true
	}
	return nil
}

// problem is a combination of values that does not work, named by one of its keys.
type problem struct{ Section, Name, Problem string }

// checkTogether finds combinations that do not work.
func (c *Config) checkTogether() []problem {
	var out []problem
	want := func(ok bool, section, name, format string, args ...any) {
		if !ok {
			out = append(out, problem{section, name, fmt.Sprintf(format, args...)})
		}
	}
	r, m := &c.Replication, &c.MetaServer
	want(r.FDGraceSeconds > r.FDLeaseSeconds, "replication", "fd_grace_seconds",
		"must be greater than fd_lease_seconds (%d): a replica server must stop serving before it is replaced", r.FDLeaseSeconds)
	want(r.FDLeaseSeconds > 2*r.FDBeaconIntervalSeconds, "replication", "fd_lease_seconds",
		"must be more than twice fd_beacon_interval_seconds (%d), or one lost beacon ends the lease", r.FDBeaconIntervalSeconds)
	want(r.MaxMutationCountInPrepareList >= r.StalenessForCommit, "replication", "max_mutation_count_in_prepare_list",
		"must not be less than staleness_for_commit (%d)", r.StalenessForCommit)
	want(m.MinAllowedReplicaCount.Get() <= m.MaxAllowedReplicaCount.Get(), "meta_server", "min_allowed_replica_count",
		"must not be greater than max_allowed_replica_count (%d)", m.MaxAllowedReplicaCount.Get())
	block := int64(c.NFS.NfsCopyBlockBytes)
	for name, rate := range map[string]*Live[Megabytes]{
		"max_copy_rate_megabytes_per_disk": &c.NFS.MaxCopyRateMegabytesPerDisk,
		"max_send_rate_megabytes_per_disk": &c.NFS.MaxSendRateMegabytesPerDisk,
	} {
		want(rate.Get() == 0 || rate.Get().Bytes() > block, "nfs", name, "must be 0 or more than nfs_copy_block_bytes (%d)", block)
	}
	zk := m.MetaStateServiceType == StateZooKeeper
	want(!zk || len(c.ZooKeeper.HostsList) > 0, "zookeeper", "hosts_list", "must not be empty with meta_state_service_type %s", StateZooKeeper)
	want(!c.AppsReplica.Run || len(m.ServerList) > 0, "meta_server", "server_list", "must not be empty: a replica server needs its metas")
	return append(out, c.checkTables()...)
}

func (c *Config) checkTables() []problem {
	var out []problem
	m := &c.MetaServer
	names := map[string]bool{}
	for _, a := range c.DefaultApps {
		section := "meta_server.apps"
		if names[a.AppName] {
			out = append(out, problem{section, "app_name", fmt.Sprintf("%q is there twice", a.AppName)})
		}
		names[a.AppName] = true
		n := Count(a.MaxReplicaCount)
		if n < m.MinAllowedReplicaCount.Get() || n > m.MaxAllowedReplicaCount.Get() {
			out = append(out, problem{section, "max_replica_count", fmt.Sprintf("%d of table %q is not from min_allowed_replica_count (%d) to max_allowed_replica_count (%d)",
				n, a.AppName, m.MinAllowedReplicaCount.Get(), m.MaxAllowedReplicaCount.Get())})
		}
	}
	ids := map[uint8]string{}
	for name, id := range c.DuplicationGroup {
		if other, ok := ids[id]; ok {
			out = append(out, problem{"duplication-group", name, fmt.Sprintf("has the id %d of %q", id, other)})
		}
		ids[id] = name
	}
	return out
}

// Values of [meta_server] meta_state_service_type.
const (
	StateEmbedded  = "meta_state_service_embedded"
	StateZooKeeper = "meta_state_service_zookeeper"
)
