package meta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/meta/cluster"
)

// Texts of what is not set.
const noAddress, noHostPort = "invalid address", "invalid host_port"

// appStatusScope stands before the names of table states in the tree.
const appStatusScope = "app_status::"

// jsonObject appends members of an object in the order they are given: compact, text as it is.
type jsonObject struct{ b []byte }

func (o *jsonObject) key(k string) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(appendJSONText(o.b, k), ':')
}

func (o *jsonObject) text(k, v string) { o.key(k); o.b = appendJSONText(o.b, v) }

func (o *jsonObject) number(k string, v int64) { o.key(k); o.b = strconv.AppendInt(o.b, v, 10) }

func (o *jsonObject) flag(k string, v bool) {
	n := int64(0)
	if v {
		n = 1
	}
	o.number(k, n)
}

func (o *jsonObject) texts(k string, v []string) {
	o.key(k)
	o.b = append(o.b, '[')
	for i, s := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendJSONText(o.b, s)
	}
	o.b = append(o.b, ']')
}

func (o *jsonObject) object(k string, v []byte) { o.key(k); o.b = append(o.b, v...) }

func (o *jsonObject) end() []byte {
	if len(o.b) == 0 {
		return []byte("{}")
	}
	return append(o.b, '}')
}

// appendJSONText escapes only what JSON demands, as the original's writer does.
func appendJSONText(b []byte, s string) []byte {
	const short = "\b\f\n\r\t\"\\"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch j := strings.IndexByte(short, c); {
		case j >= 0:
			b = append(b, '\\', `bfnrt"\`[j])
		case c < 0x20:
			b = append(b, fmt.Sprintf("\\u%04X", c)...)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func encodeApp(a *layer2.AppInfo) []byte {
	var envs, o jsonObject
	for _, k := range slices.Sorted(maps.Keys(a.Envs)) {
		envs.text(k, a.Envs[k])
	}
	o.text("status", appStatusScope+a.Status.String())
	o.text("app_type", a.AppType)
	o.text("app_name", a.AppName)
	o.number("app_id", int64(a.AppID))
	o.number("partition_count", int64(a.PartitionCount))
	o.object("envs", envs.end())
	o.flag("is_stateful", a.IsStateful)
	o.number("max_replica_count", int64(a.MaxReplicaCount))
	o.number("expire_second", a.ExpireSecond)
	o.number("create_second", a.CreateSecond)
	o.number("drop_second", a.DropSecond)
	o.flag("duplicating", a.Duplicating)
	o.number("init_partition_count", int64(a.InitPartitionCount))
	o.flag("is_bulk_loading", a.IsBulkLoading)
	o.flag("atomic_idempotent", a.AtomicIdempotent)
	return o.end()
}

// encodeConfig writes both forms of every address; names may be nil.
func encodeConfig(c *cluster.Config, names func(base.RPCAddress) *base.HostPort) []byte {
	name := func(a base.RPCAddress) string {
		switch {
		case !a.IsValid():
			return noHostPort
		case names == nil:
			return a.String()
		}
		return names(a).String()
	}
	list := func(in []base.RPCAddress, text func(base.RPCAddress) string) []string {
		out := make([]string, len(in))
		for i, a := range in {
			out[i] = text(a)
		}
		return out
	}
	var o jsonObject
	o.text("pid", c.Pid.String())
	o.number("ballot", c.Ballot)
	o.number("max_replica_count", int64(c.MaxReplicaCount))
	o.text("primary", c.Primary.String())
	o.texts("secondaries", list(c.Secondaries, base.RPCAddress.String))
	o.texts("last_drops", list(c.LastDrops, base.RPCAddress.String))
	o.number("last_committed_decree", c.LastCommittedDecree)
	o.number("partition_flags", int64(c.Flags))
	o.text("hp_primary", name(c.Primary))
	o.texts("hp_secondaries", list(c.Secondaries, name))
	o.texts("hp_last_drops", list(c.LastDrops, name))
	return o.end()
}

// jsonFlag reads 0, 1, true and false.
type jsonFlag bool

func (f *jsonFlag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "0", "false":
		*f = false
	case "true":
		*f = true
	default:
		n, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil {
			return fmt.Errorf("%s is no flag", b)
		}
		*f = n != 0
	}
	return nil
}

type jsonApp struct {
	Status             string            `json:"status"`
	AppType            string            `json:"app_type"`
	AppName            string            `json:"app_name"`
	AppID              int32             `json:"app_id"`
	PartitionCount     int32             `json:"partition_count"`
	Envs               map[string]string `json:"envs"`
	IsStateful         jsonFlag          `json:"is_stateful"`
	MaxReplicaCount    int32             `json:"max_replica_count"`
	ExpireSecond       int64             `json:"expire_second"`
	CreateSecond       int64             `json:"create_second"`
	DropSecond         int64             `json:"drop_second"`
	Duplicating        jsonFlag          `json:"duplicating"`
	InitPartitionCount int32             `json:"init_partition_count"`
	IsBulkLoading      jsonFlag          `json:"is_bulk_loading"`
	AtomicIdempotent   jsonFlag          `json:"atomic_idempotent"`
}

func decodeApp(data []byte) (*layer2.AppInfo, error) {
	j := jsonApp{IsStateful: true, InitPartitionCount: -1}
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	name, ok := strings.CutPrefix(j.Status, appStatusScope)
	status, err := layer2.AppStatusFromString(name)
	if !ok || err != nil {
		return nil, fmt.Errorf("table: status %q", j.Status)
	}
	if j.PartitionCount <= 0 || j.PartitionCount > 1<<20 || j.MaxReplicaCount <= 0 {
		return nil, fmt.Errorf("table: %d partitions of %d replicas", j.PartitionCount, j.MaxReplicaCount)
	}
	if j.Envs == nil {
		j.Envs = map[string]string{}
	}
	return &layer2.AppInfo{
		Status: status, AppType: j.AppType, AppName: j.AppName, AppID: j.AppID, PartitionCount: j.PartitionCount,
		Envs: j.Envs, IsStateful: bool(j.IsStateful), MaxReplicaCount: j.MaxReplicaCount, ExpireSecond: j.ExpireSecond,
		CreateSecond: j.CreateSecond, DropSecond: j.DropSecond, Duplicating: bool(j.Duplicating),
		InitPartitionCount: j.InitPartitionCount, IsBulkLoading: bool(j.IsBulkLoading), AtomicIdempotent: bool(j.AtomicIdempotent),
	}, nil
}

type jsonConfig struct {
	Pid                 string   `json:"pid"`
	Ballot              int64    `json:"ballot"`
	MaxReplicaCount     int32    `json:"max_replica_count"`
	Primary             string   `json:"primary"`
	Secondaries         []string `json:"secondaries"`
	LastDrops           []string `json:"last_drops"`
	LastCommittedDecree int64    `json:"last_committed_decree"`
	PartitionFlags      int32    `json:"partition_flags"`
	HpPrimary           string   `json:"hp_primary"`
	HpSecondaries       []string `json:"hp_secondaries"`
	HpLastDrops         []string `json:"hp_last_drops"`
}

// decodeConfig reads a partition node. Trees of older versions have addresses only; where there is
// only a name it is resolved. Names that are found are entered into names.
func decodeConfig(data []byte, names map[base.RPCAddress]base.HostPort) (*cluster.Config, error) {
	var j jsonConfig
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&j); err != nil {
		return nil, fmt.Errorf("partition: %w", err)
	}
	pid, err := base.ParseGpid(j.Pid)
	if err != nil {
		return nil, fmt.Errorf("partition: %w", err)
	}
	c := &cluster.Config{
		Pid: pid, Ballot: j.Ballot, MaxReplicaCount: j.MaxReplicaCount,
		LastCommittedDecree: j.LastCommittedDecree, Flags: j.PartitionFlags,
	}
	if c.Primary, err = decodeServer(j.Primary, j.HpPrimary, names); err != nil {
		return nil, err
	}
	if c.Secondaries, err = decodeServers(j.Secondaries, j.HpSecondaries, names); err != nil {
		return nil, err
	}
	c.LastDrops, err = decodeServers(j.LastDrops, j.HpLastDrops, names)
	return c, err
}

func decodeServers(addrs, hps []string, names map[base.RPCAddress]base.HostPort) ([]base.RPCAddress, error) {
	var out []base.RPCAddress
	for i := range max(len(addrs), len(hps)) {
		addr, hp := "", ""
		if i < len(addrs) {
			addr = addrs[i]
		}
		if i < len(hps) {
			hp = hps[i]
		}
		a, err := decodeServer(addr, hp, names)
		if err != nil {
			return nil, err
		}
		if a.IsValid() && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out, nil
}

func decodeServer(addr, hp string, names map[base.RPCAddress]base.HostPort) (base.RPCAddress, error) {
	var a base.RPCAddress
	var err error
	known := hp != "" && hp != noHostPort
	switch {
	case addr != "" && addr != noAddress:
		a, err = base.ParseAddress(addr)
	case known:
		a, err = base.ResolveAddress(hp)
	}
	if err != nil {
		return a, fmt.Errorf("partition: %w", err)
	}
	if known && a.IsValid() && hp != a.String() {
		if v, err := parseHostPort(hp); err == nil {
			names[a] = v
		}
	}
	return a, nil
}

func parseHostPort(s string) (base.HostPort, error) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 {
		return base.HostPort{}, fmt.Errorf("%q: want host:port", s)
	}
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return base.HostPort{}, fmt.Errorf("%q: want host:port", s)
	}
	return base.HostPort{Host: s[:i], Port: uint16(port), Type: base.HostPortNormal}, nil
}
