package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Bounds of a onebox. Clients and their tests expect 3 and 3.
const (
	oneboxMetasMax    = 9
	oneboxReplicasMax = 15
	oneboxTablesMax   = 100
)

// Roles of a server, named as upstream's configuration sections are.
const (
	roleMeta    = "meta"
	roleReplica = "replica"
)

// tableSpec is a table that a new cluster is born with.
type tableSpec struct {
	Name       string
	Partitions int
	Replicas   int
}

// parseTable reads "name:partitions[:replicas]".
func parseTable(text string, replicas int) (tableSpec, error) {
	bad := fmt.Errorf("--table %q: want name:partitions or name:partitions:replicas", text)
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" {
		return tableSpec{}, bad
	}
	t := tableSpec{Name: parts[0], Replicas: replicas}
	var err error
	if t.Partitions, err = strconv.Atoi(parts[1]); err != nil || t.Partitions < 1 {
		return tableSpec{}, bad
	}
	if len(parts) == 3 {
		if t.Replicas, err = strconv.Atoi(parts[2]); err != nil || t.Replicas < 1 {
			return tableSpec{}, bad
		}
	}
	return t, nil
}

// member is one server of a onebox.
type member struct {
	Name   string // meta1, replica3
	Role   string
	Port   int
	Dir    string // holds its configuration, data and log
	Config string // path of its configuration file
}

// address is where the other servers and clients of this machine reach the member.
func (m member) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Port)) }

// plan is a onebox before it runs: who, where, with which tables.
type plan struct {
	Dir       string   // absolute
	Given     string   // the same as it was given, for messages
	Members   []member // metas first
	Tables    []tableSpec
	ZooKeeper string // empty: the embedded store
	PlogSync  string
	Sets      []string // "section.key=value" for every server
	// MemoryBytes is for each replica server; 0: each decides for itself, since the memory of the machine is not known.
	MemoryBytes int64
}

// newPlan checks the options and lays the servers out.
func newPlan(o oneboxOptions) (*plan, error) {
	if o.metas < 1 || o.metas > oneboxMetasMax {
		return nil, fmt.Errorf("--metas %d: want 1 to %d", o.metas, oneboxMetasMax)
	}
	if o.replicas < 1 || o.replicas > oneboxReplicasMax {
		return nil, fmt.Errorf("--replicas %d: want 1 to %d", o.replicas, oneboxReplicasMax)
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, fmt.Errorf("--dir %s: %w", o.dir, err)
	}
	p := &plan{Dir: dir, Given: o.dir, ZooKeeper: o.zookeeper, PlogSync: o.plogSync, Sets: o.sets, MemoryBytes: oneboxMemory(o.replicas)}
	p.add(roleMeta, o.metas, o.metaPort)
	p.add(roleReplica, o.replicas, o.replicaPort)
	seen := map[int]string{}
	for _, m := range p.Members {
		if m.Port < 1 || m.Port > 65535 {
			return nil, fmt.Errorf("%s would listen on port %d, which does not exist", m.Name, m.Port)
		}
		if other, taken := seen[m.Port]; taken {
			return nil, fmt.Errorf("%s and %s would both listen on port %d: change --meta-port or --replica-port", other, m.Name, m.Port)
		}
		seen[m.Port] = m.Name
	}
	return p, p.addTables(o)
}

func (p *plan) add(role string, count, firstPort int) {
	for i := range count {
		name := fmt.Sprintf("%s%d", role, i+1)
		dir := filepath.Join(p.Dir, name)
		p.Members = append(p.Members, member{Name: name, Role: role, Port: firstPort + i, Dir: dir, Config: filepath.Join(dir, "config.toml")})
	}
}

func (p *plan) addTables(o oneboxOptions) error {
	if len(o.tables) > oneboxTablesMax {
		return fmt.Errorf("%d tables: at most %d can be given with --table", len(o.tables), oneboxTablesMax)
	}
	names := map[string]bool{}
	for _, text := range o.tables {
		table, err := parseTable(text, min(3, o.replicas))
		if err != nil {
			return err
		}
		if table.Replicas > o.replicas {
			return fmt.Errorf("--table %q: %d replicas need as many replica servers, there are %d", text, table.Replicas, o.replicas)
		}
		if names[table.Name] {
			return fmt.Errorf("--table %q: the name is given twice", text)
		}
		names[table.Name] = true
		p.Tables = append(p.Tables, table)
	}
	return nil
}

// addresses of the members of a role.
func (p *plan) addresses(role string) []string {
	var list []string
	for _, m := range p.Members {
		if m.Role == role {
			list = append(list, m.address())
		}
	}
	return list
}

func (p *plan) find(name string) (member, error) {
	var names []string
	for _, m := range p.Members {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return member{}, fmt.Errorf("no server %q in this onebox, there are %s", name, strings.Join(names, ", "))
}

// control is the command line that treats this onebox, for messages: `pegasus onebox kill replica2 --dir ...`.
func (p *plan) control(words string) string {
	command := os.Args[0] + " onebox " + words
	if p.Given != oneboxDirDefault {
		command += " --dir " + p.Given
	}
	return command
}
