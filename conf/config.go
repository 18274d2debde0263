package conf

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// Roles a process can have; each has a section [apps.<role>].
const (
	RoleMeta    = "meta"
	RoleReplica = "replica"
)

// Config is everything that is configured. It must not be copied.
type Config struct {
	AppsMeta      App           `section:"apps.meta"`
	AppsReplica   App           `section:"apps.replica"`
	Core          Core          `section:"core"`
	MetaServer    MetaServer    `section:"meta_server"`
	Replication   Replication   `section:"replication"`
	PegasusServer PegasusServer `section:"pegasus.server"`
	Network       Network       `section:"network"`
	HTTP          HTTP          `section:"http"`
	NFS           NFS           `section:"nfs"`
	ZooKeeper     ZooKeeper     `section:"zookeeper"`
	Metrics       Metrics       `section:"metrics"`

	// DefaultApps are the sections [meta_server.apps.<any>]: the tables made when
	// a cluster starts for the first time, in the order of their ids.
	DefaultApps []DefaultApp
	// Clusters is [pegasus.clusters]: the metas of known clusters by name.
	Clusters map[string]List
	// DuplicationGroup is [duplication-group]: ids 1..127 of clusters that
	// duplicate to each other, by name.
	DuplicationGroup map[string]uint8
	// BlockServices is [block_service.<name>]: where backups and bulk loads are.
	BlockServices map[string]BlockService

	// Warnings has one line for each key in the file that has no effect.
	Warnings []string

	mu       sync.Mutex // held by Set
	onChange []func(*Entry)
	entries  []*Entry // sorted by section and position
	byName   map[string]*Entry
}

// App is [apps.meta] or [apps.replica]: a role runs when its section is there.
type App struct {
	Run   bool  `key:"run" fv:"bool" def:"false" is:"own" doc:"whether this process has the role; a section without this key says yes"`
	Ports Count `key:"ports" fv:"i32" def:"0" min:"0" max:"65535" is:"own" doc:"port to listen on"`
}

// DefaultApp is a table of [meta_server.apps.<any>].
type DefaultApp struct {
	AppName         string
	AppType         string
	PartitionCount  int32
	MaxReplicaCount int32
	Stateful        bool
	Envs            map[string]string
}

// BlockService is [block_service.<name>].
type BlockService struct{ Type, Args string }

// The ports that upstream ships.
const (
	metaPortDefault    = 34601
	replicaPortDefault = 34801
)

// Default is the configuration of an empty file, with the given role switched
// on: RoleMeta, RoleReplica, or "" for none.
func Default(role string) *Config {
	c := newConfig()
	switch role {
	case RoleMeta:
		c.AppsMeta.Run = true
	case RoleReplica:
		c.AppsReplica.Run = true
	case "":
	default:
		panic(fmt.Sprintf("conf: role %q", role))
	}
	return c
}

func newConfig() *Config {
	c := &Config{
		DefaultApps: []DefaultApp{
			{AppName: "stat", AppType: appType, PartitionCount: 4, MaxReplicaCount: 3, Stateful: true},
			{AppName: "temp", AppType: appType, PartitionCount: 8, MaxReplicaCount: 3, Stateful: true},
		},
		Clusters:         map[string]List{},
		DuplicationGroup: map[string]uint8{},
		BlockServices:    map[string]BlockService{},
	}
	c.entries = collect(c)
	c.byName = make(map[string]*Entry, len(c.entries))
	for _, e := range c.entries {
		if e.flat() {
			c.byName[e.Name] = e
		}
		if err := e.set(e.Default); err != nil {
			panic(fmt.Sprintf("conf: default of [%s] %s: %v", e.Section, e.Name, err))
		}
	}
	c.AppsMeta.Ports, c.AppsReplica.Ports = metaPortDefault, replicaPortDefault
	return c
}

// Lookup finds a key by its flat name.
func (c *Config) Lookup(name string) (*Entry, bool) {
	e, ok := c.byName[name]
	return e, ok
}

// All returns the keys that have flat names, sorted by name.
func (c *Config) All() []*Entry {
	out := slices.DeleteFunc(slices.Clone(c.entries), func(e *Entry) bool { return !e.flat() })
	slices.SortFunc(out, func(a, b *Entry) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Set changes a mutable key of the running server. A value that is refused
// changes nothing. The errors are *SetError.
func (c *Config) Set(name, value string) error {
	e, ok := c.byName[name]
	if !ok {
		return &SetError{NotFound: true, Text: name + " is not found"}
	}
	if !e.Mutable {
		return &SetError{Text: name + " is not mutable"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := e.Value()
	if err := e.set(value); err != nil {
		return &SetError{Text: fmt.Sprintf("%s = %q: %v", name, value, err)}
	}
	if problems := c.checkTogether(); len(problems) > 0 {
		if err := e.set(old); err != nil {
			panic(fmt.Sprintf("conf: the old value %q of %s is refused: %v", old, name, err))
		}
		return &SetError{Text: fmt.Sprintf("%s = %q: %s", name, value, problems[0].Problem)}
	}
	for _, f := range c.onChange {
		f(e)
	}
	return nil
}

// OnChange registers what is called after each successful Set, one at a time, for
// values that were handed to somebody else at start. It must not call Set.
func (c *Config) OnChange(f func(*Entry)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onChange = append(c.onChange, f)
}

// SetError says why Set refused.
type SetError struct {
	NotFound bool
	Text     string
}

// Error begins with the name of upstream's error code.
func (e *SetError) Error() string {
	if e.NotFound {
		return "ERR_OBJECT_NOT_FOUND: " + e.Text
	}
	return "ERR_INVALID_PARAMETERS: " + e.Text
}

func (c *Config) entry(section, name string) *Entry {
	for _, e := range c.entries {
		if e.Section == section && e.Name == name {
			return e
		}
	}
	return nil
}
