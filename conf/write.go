package conf

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteOptions choose what Write writes.
type WriteOptions struct {
	// ChangedOnly leaves out keys that have their default.
	ChangedOnly bool
	// Comments puts each key's meaning above it.
	Comments bool
	// Head goes to the top as comments, line by line.
	Head string
}

// Write writes a file that Load reads back to the same configuration: the roles
// that run, and the sections that they use.
func (c *Config) Write(w io.Writer, o WriteOptions) error {
	f := &writer{c: c, o: o}
	for line := range strings.Lines(o.Head) {
		f.b.WriteString("# " + line)
	}
	sections := slices.Compact(f.collect(func(e *Entry) string { return e.Section }))
	for _, section := range sections {
		f.section(section)
		if section == "meta_server" && c.AppsMeta.Run {
			f.tables()
		}
	}
	f.names()
	_, err := io.WriteString(w, strings.TrimLeft(f.b.String(), "\n"))
	return err
}

type writer struct {
	c *Config
	o WriteOptions
	b strings.Builder
}

func (f *writer) collect(of func(*Entry) string) []string {
	var out []string
	for _, e := range f.c.entries {
		out = append(out, of(e))
	}
	return out
}

// used says whether a role that runs reads the key.
func (f *writer) used(e *Entry) bool {
	meta, replica := f.c.AppsMeta.Run, f.c.AppsReplica.Run
	switch e.Section {
	case "apps.meta", "zookeeper":
		return meta
	case "apps.replica", "pegasus.server", "nfs":
		return replica
	case "meta_server":
		return meta || e.Name == "server_list"
	case "replication":
		return replica || metaReads[e.Name]
	}
	return true
}

// metaReads are the keys of [replication] that a meta reads.
var metaReads = map[string]bool{
	"cluster_name": true, "dup_cluster_name": true, "mutation_2pc_min_replica_count": true, "lb_interval_ms": true,
	"fd_check_interval_seconds": true, "fd_beacon_interval_seconds": true, "fd_lease_seconds": true, "fd_grace_seconds": true,
	"config_sync_interval_ms": true, "duplication_enabled": true, "cold_backup_root": true,
	"dup_progress_min_update_period_ms": true, "dup_progress_min_report_period_ms": true,
}

func (f *writer) section(section string) {
	var keys strings.Builder
	for _, e := range f.c.entries {
		if e.Section != section || !f.used(e) || !f.wanted(e) {
			continue
		}
		if f.o.Comments {
			fmt.Fprintf(&keys, "# %s%s\n", e.Doc, remarks(e))
		}
		if e.Pending && e.Value() == e.Default {
			keys.WriteString("# ") // set, it would only be warned of
		}
		fmt.Fprintf(&keys, "%s = %s\n", e.Name, tomlValue(e))
	}
	if keys.Len() > 0 {
		fmt.Fprintf(&f.b, "\n[%s]\n%s", section, keys.String())
	}
}

// wanted: what changed; without ChangedOnly all keys, but those that do nothing
// only in a file that explains itself.
func (f *writer) wanted(e *Entry) bool {
	changed := e.Value() != e.Default
	return changed || !f.o.ChangedOnly && (f.o.Comments || !e.Pending)
}

func remarks(e *Entry) string {
	var out []string
	if len(e.enum) > 0 {
		out = append(out, strings.Join(e.enum, " | "))
	}
	if e.Mutable {
		out = append(out, "can be changed while running")
	}
	if e.Pending {
		out = append(out, "not used yet")
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, "; ") + ")"
}

func (f *writer) tables() {
	if f.o.Comments {
		f.b.WriteString("\n# Tables that are made when the cluster starts for the first time, one section each.\n")
	}
	if len(f.c.DefaultApps) == 0 {
		f.b.WriteString("\n[meta_server.apps.none]\napp_name = \"\"\n")
	}
	for i, a := range f.c.DefaultApps {
		fmt.Fprintf(&f.b, "\n[meta_server.apps.%d]\napp_name = %s\npartition_count = %d\nmax_replica_count = %d\n",
			i+1, tomlString(a.AppName), a.PartitionCount, a.MaxReplicaCount)
		if len(a.Envs) > 0 {
			var envs []string
			for _, k := range slices.Sorted(maps.Keys(a.Envs)) {
				envs = append(envs, k+"="+a.Envs[k])
			}
			fmt.Fprintf(&f.b, "envs = %s\n", tomlString(strings.Join(envs, ",")))
		}
	}
}

// names writes the sections with free keys.
func (f *writer) names() {
	if f.o.Comments {
		f.b.WriteString("\n# Clusters that this one knows: name = [\"host:port\", ...] of their metas.")
	}
	if f.o.Comments || len(f.c.Clusters) > 0 {
		f.b.WriteString("\n[pegasus.clusters]\n")
	}
	for _, name := range slices.Sorted(maps.Keys(f.c.Clusters)) {
		fmt.Fprintf(&f.b, "%s = %s\n", tomlString(name), tomlList(f.c.Clusters[name]))
	}
	if f.o.Comments {
		f.b.WriteString("\n# Clusters that duplicate to each other: name = id, 1 to 127, the same in all of them.")
	}
	if f.o.Comments || len(f.c.DuplicationGroup) > 0 {
		f.b.WriteString("\n[duplication-group]\n")
	}
	for _, name := range slices.Sorted(maps.Keys(f.c.DuplicationGroup)) {
		fmt.Fprintf(&f.b, "%s = %d\n", tomlString(name), f.c.DuplicationGroup[name])
	}
	for _, name := range slices.Sorted(maps.Keys(f.c.BlockServices)) {
		s := f.c.BlockServices[name]
		fmt.Fprintf(&f.b, "\n[block_service.%s]\ntype = %s\nargs = %s\n", tomlString(name), tomlString(s.Type), tomlString(s.Args))
	}
}

func tomlValue(e *Entry) string {
	switch v := e.field.(type) {
	case *string:
		return tomlString(*v)
	case *List:
		return tomlList(*v)
	}
	return e.Value()
}

func tomlList(l List) string {
	items := make([]string, len(l))
	for i, s := range l {
		items[i] = tomlString(s)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// tomlString is a basic string of TOML.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
