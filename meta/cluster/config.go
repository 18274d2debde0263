package cluster

import (
	"slices"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// Flags of a partition configuration.
const flagDropped int32 = 1

// InvalidBallot marks a partition that is not registered yet.
const InvalidBallot int64 = -1

// lastDropsMax bounds Config.LastDrops; the oldest leaves first.
const lastDropsMax = 3

// Config is a partition configuration. It is treated as a value: whoever changes one clones it.
type Config struct {
	Pid                 base.Gpid
	Ballot              int64
	MaxReplicaCount     int32
	Primary             base.RPCAddress // invalid: none
	Secondaries         []base.RPCAddress
	LastDrops           []base.RPCAddress // oldest first
	LastCommittedDecree int64
	Flags               int32
}

func (c Config) clone() Config {
	c.Secondaries = slices.Clone(c.Secondaries)
	c.LastDrops = slices.Clone(c.LastDrops)
	return c
}

// Dropped reports whether the partition belongs to a dropped table.
func (c *Config) Dropped() bool { return c.Flags&flagDropped != 0 }

// Members is the number of replicas that hold a role.
func (c *Config) Members() int {
	if c.Primary.IsValid() {
		return 1 + len(c.Secondaries)
	}
	return len(c.Secondaries)
}

func (c *Config) isSecondary(n base.RPCAddress) bool { return slices.Contains(c.Secondaries, n) }

func (c *Config) isMember(n base.RPCAddress) bool { return c.Primary == n || c.isSecondary(n) }

func (c *Config) sameMembers(o *Config) bool {
	if c.Primary != o.Primary || len(c.Secondaries) != len(o.Secondaries) {
		return false
	}
	for _, n := range c.Secondaries {
		if !o.isSecondary(n) {
			return false
		}
	}
	return true
}

func without(list []base.RPCAddress, n base.RPCAddress) []base.RPCAddress {
	return slices.DeleteFunc(slices.Clone(list), func(x base.RPCAddress) bool { return x == n })
}

func (c *Config) remove(n base.RPCAddress) {
	if c.Primary == n {
		c.Primary = base.RPCAddress{}
	}
	c.Secondaries = without(c.Secondaries, n)
	c.LastDrops = append(without(c.LastDrops, n), n)
	if extra := len(c.LastDrops) - lastDropsMax; extra > 0 {
		c.LastDrops = c.LastDrops[extra:]
	}
}

// next is the configuration that a change of the given kind makes of c, with the next ballot; ok is
// false when c does not allow the change.
func (c Config) next(typ metaadmin.ConfigType, n base.RPCAddress) (d Config, ok bool) {
	d = c.clone()
	d.Ballot++
	switch typ {
	case metaadmin.ConfigType_CT_ASSIGN_PRIMARY:
		ok = c.Members() == 0
		d.Primary = n
		d.LastDrops = without(d.LastDrops, n)
	case metaadmin.ConfigType_CT_UPGRADE_TO_PRIMARY:
		ok = !c.Primary.IsValid() && c.isSecondary(n)
		d.Primary = n
		d.Secondaries = without(d.Secondaries, n)
		d.LastDrops = without(d.LastDrops, n)
	case metaadmin.ConfigType_CT_UPGRADE_TO_SECONDARY:
		ok = c.Primary.IsValid() && !c.isMember(n)
		d.Secondaries = append(d.Secondaries, n)
		d.LastDrops = without(d.LastDrops, n)
	case metaadmin.ConfigType_CT_DOWNGRADE_TO_SECONDARY:
		ok = c.Primary == n
		d.Primary = base.RPCAddress{}
		d.Secondaries = append(d.Secondaries, n)
	case metaadmin.ConfigType_CT_DOWNGRADE_TO_INACTIVE, metaadmin.ConfigType_CT_REMOVE:
		ok = c.isMember(n)
		d.remove(n)
	case metaadmin.ConfigType_CT_PRIMARY_FORCE_UPDATE_BALLOT:
		ok = c.Primary == n
	}
	return d, ok && n.IsValid() && !c.Dropped()
}

// raise takes the next ballot for a change that names no primary. A partition that never had one stays at ballot 0: only there may a server
// begin with nothing.
func (c *Config) raise() {
	if c.Ballot > 0 {
		c.Ballot++
	}
}

// drop is the configuration of the partition of a dropped table.
func (c Config) drop() Config {
	d := c.clone()
	d.raise()
	for _, n := range c.Secondaries {
		d.remove(n)
	}
	if c.Primary.IsValid() {
		d.remove(c.Primary)
	}
	d.Flags |= flagDropped
	return d
}
