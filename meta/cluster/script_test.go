package cluster

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
)

// TestScripts runs testdata: commands go in, what the core wants and answers comes out. Servers are
// called n1 to n9. Writes are persisted at once unless "hold" was said; time starts at 1000000. A state is empty but loaded
// unless it is "new loading".
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if fi, err := os.Stat(path); err != nil || fi.IsDir() || strings.HasPrefix(path, "testdata/fuzz/") {
			return // the corpora of the fuzz tests lie there, too
		}
		w := &world{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return w.run(t, d) })
	})
}

// world is a core and the little of a host that a script needs.
type world struct {
	s      *State
	now    int64
	hold   bool
	held   []Effect
	ticket uint64
	out    strings.Builder
}

func nodeAddr(name string) base.RPCAddress {
	i, err := strconv.Atoi(strings.TrimPrefix(name, "n"))
	if err != nil || i < 1 || i > 99 {
		return base.RPCAddress{}
	}
	return base.AddressOf(0x0A000000|uint32(i), 34801)
}

func nodeName(a base.RPCAddress) string {
	if !a.IsValid() {
		return "-"
	}
	return fmt.Sprintf("n%d", a.IP()&0xFF)
}

func nodeNames(list []base.RPCAddress) string {
	var out []string
	for _, a := range list {
		out = append(out, nodeName(a))
	}
	return "[" + strings.Join(out, " ") + "]"
}

func show(c *Config) string {
	s := fmt.Sprintf("%s ballot %d primary %s secondaries %s", c.Pid, c.Ballot, nodeName(c.Primary), nodeNames(c.Secondaries))
	if len(c.LastDrops) > 0 {
		s += " drops " + nodeNames(c.LastDrops)
	}
	if c.Dropped() {
		s += " dropped"
	}
	return s
}

// args reads "key=value" arguments of a command.
type args struct {
	t *testing.T
	d *datadriven.TestData
}

func (a args) str(key, def string) string {
	for _, x := range a.d.CmdArgs {
		if x.Key == key && len(x.Vals) > 0 {
			return x.Vals[0]
		}
	}
	return def
}

func (a args) int(key string, def int64) int64 {
	s := a.str(key, "")
	if s == "" {
		return def
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		a.d.Fatalf(a.t, "%s=%q is no number", key, s)
	}
	return n
}

// words are the arguments without a value.
func (a args) words() (out []string) {
	for _, x := range a.d.CmdArgs {
		if len(x.Vals) == 0 {
			out = append(out, x.Key)
		}
	}
	return out
}

func (w *world) run(t *testing.T, d *datadriven.TestData) string {
	a := args{t, d}
	w.out.Reset()
	if !w.setup(a) && !w.server(a) && !w.operator(a) {
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	w.settle()
	if err := w.s.Check(); err != nil {
		fmt.Fprintf(&w.out, "CHECK: %v\n", err)
	}
	if w.out.Len() == 0 {
		return "-\n"
	}
	return w.out.String()
}

func (w *world) setup(a args) bool {
	switch a.d.Cmd {
	case "new":
		o := DefaultOptions()
		o.MinLiveNodesForUnfreeze = int(a.int("min_live", 1))
		o.LivePercentage = a.int("live_percentage", 0)
		o.SettleMs = a.int("settle", 0)
		o.PatienceMs = a.int("patience", 0)
		o.AssignDelayMs = a.int("assign_delay", o.AssignDelayMs)
		o.AddSecondaryMaxPerNode = a.int("add_max", o.AddSecondaryMaxPerNode)
		o.ReservedDroppedMax = int(a.int("reserved", 1))
		o.UnstableRestartsMax = int(a.int("unstable", 5))
		*w = world{s: New(o), now: 1_000_000}
		w.s.loaded = !slices.Contains(a.words(), "loading")
	case "load":
		var apps []LoadedApp
		for line := range strings.Lines(a.d.Input) {
			apps = loadLine(a, apps, strings.Fields(line))
		}
		if err := w.s.Load(w.now, apps); err != nil {
			fmt.Fprintf(&w.out, "error: %v\n", err)
		}
	case "hold":
		w.hold = true
	case "persist":
		w.hold = false
		list := w.held
		w.held = nil
		for _, e := range list {
			w.persisted(e)
			w.settle()
		}
	case "advance":
		for range a.int("times", 1) {
			w.now += a.int("ms", 0)
			for _, n := range a.words() { // those who send beacons meanwhile
				w.s.OnBeacon(w.now, Beacon{From: nodeAddr(n)})
			}
			w.s.Tick(w.now)
		}
	case "show":
		w.show(a.words())
	default:
		return false
	}
	return true
}

// loadLine reads "table <id> <name> <partitions> <replicas> [dropped]" and
// "<app>.<index> ballot=.. primary=.. secondaries=.. drops=.. committed=.. flags=..".
func loadLine(a args, apps []LoadedApp, f []string) []LoadedApp {
	num := func(s string) int64 {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			a.d.Fatalf(a.t, "%q is no number", s)
		}
		return n
	}
	if f[0] == "table" {
		info := &layer2.AppInfo{
			Status: layer2.AppStatus_AS_AVAILABLE, AppType: "pegasus", AppID: int32(num(f[1])), AppName: f[2],
			PartitionCount: int32(num(f[3])), MaxReplicaCount: int32(num(f[4])), InitPartitionCount: -1,
		}
		for _, x := range f[5:] {
			k, v, _ := strings.Cut(x, "=")
			switch k {
			case "dropped":
				info.Status = layer2.AppStatus_AS_DROPPED
			case "expire":
				info.ExpireSecond = num(v)
			case "init":
				info.InitPartitionCount = int32(num(v))
			case "updating":
				info.Envs = map[string]string{envCountUpdate: countUpdating + v}
			}
		}
		return append(apps, LoadedApp{Info: info, Partitions: make([]*Config, info.PartitionCount)})
	}
	app := &apps[len(apps)-1]
	pid, err := base.ParseGpid(f[0])
	if err != nil {
		a.d.Fatalf(a.t, "%v", err)
	}
	c := &Config{Pid: pid, MaxReplicaCount: app.Info.MaxReplicaCount}
	for _, x := range f[1:] {
		k, v, _ := strings.Cut(x, "=")
		var nodes []base.RPCAddress
		for _, n := range strings.Split(v, ",") {
			nodes = append(nodes, nodeAddr(n))
		}
		switch k {
		case "ballot":
			c.Ballot = num(v)
		case "primary":
			c.Primary = nodes[0]
		case "secondaries":
			c.Secondaries = nodes
		case "drops":
			c.LastDrops = nodes
		case "committed":
			c.LastCommittedDecree = num(v)
		case "flags":
			c.Flags = int32(num(v))
		}
	}
	app.Partitions[pid.PartitionIndex] = c
	return apps
}

func (w *world) server(a args) bool {
	switch a.d.Cmd {
	case "beacon":
		for _, n := range a.words() {
			ans := w.s.OnBeacon(w.now, Beacon{From: nodeAddr(n), StartMs: a.int("start", 1)})
			if ans.Ignore {
				fmt.Fprintf(&w.out, "%s ignored\n", n)
			} else if ans.NotYet {
				fmt.Fprintf(&w.out, "%s not yet\n", n)
			} else if !ans.Allowed {
				fmt.Fprintf(&w.out, "%s not allowed\n", n)
			}
		}
	case "died":
		for _, n := range a.words() {
			if !w.s.OnDeath(w.now, nodeAddr(n), a.int("start", 1)) {
				fmt.Fprintf(&w.out, "%s: not known\n", n)
			}
		}
	case "sync":
		w.sync(a)
	case "update":
		w.update(a)
	default:
		return false
	}
	return true
}

// sync: one line per stored replica, "<gpid> <status> <ballot> <committed> <prepared>".
func (w *world) sync(a args) {
	var stored []*metadata.ReplicaInfo
	if !strings.Contains(strings.Join(a.words(), " "), "silent") {
		stored = []*metadata.ReplicaInfo{}
	}
	for line := range strings.Lines(a.d.Input) {
		f := strings.Fields(line)
		pid, err := base.ParseGpid(f[0])
		if err != nil {
			a.d.Fatalf(a.t, "%v", err)
		}
		st, err := metadata.PartitionStatusFromString("PS_" + strings.ToUpper(f[1]))
		if err != nil {
			a.d.Fatalf(a.t, "%v", err)
		}
		var n [3]int64
		for i := range n {
			n[i], _ = strconv.ParseInt(f[2+i], 10, 64)
		}
		stored = append(stored, &metadata.ReplicaInfo{
			Pid: pid.Ptr(), Status: st, Ballot: n[0], LastCommittedDecree: n[1], LastPreparedDecree: n[2],
		})
	}
	resp := w.s.ConfigSync(w.now, nodeAddr(a.words()[0]), stored, false)
	fmt.Fprintf(&w.out, "sync %s %s\n", a.words()[0], resp.Err)
	for _, p := range resp.Partitions {
		c := FromWire(p.Config, nil)
		fmt.Fprintf(&w.out, "  %s\n", show(&c))
	}
	for _, r := range resp.GcReplicas {
		fmt.Fprintf(&w.out, "  gc %s\n", r.Pid)
	}
}

// update: the request a replica server would make from the current configuration.
func (w *world) update(a args) {
	words := a.words()
	pid, err := base.ParseGpid(words[0])
	if err != nil {
		a.d.Fatalf(a.t, "%v", err)
	}
	typ, err := metaadmin.ConfigTypeFromString("CT_" + strings.ToUpper(words[1]))
	if err != nil {
		a.d.Fatalf(a.t, "%v", err)
	}
	node := nodeAddr(words[2])
	want := Config{Pid: pid}
	if p := w.s.partition(pid); p != nil {
		want, _ = p.config.next(typ, node)
	}
	want.Ballot = a.int("ballot", want.Ballot)
	want.LastCommittedDecree = a.int("committed", want.LastCommittedDecree)
	if s := a.str("primary", ""); s != "" {
		want.Primary = nodeAddr(s)
	}
	w.s.UpdateConfiguration(w.now, w.nextTicket(), &metaadmin.ConfigurationUpdateRequest{Type: typ}, want, node)
}

func (w *world) nextTicket() Ticket {
	w.ticket++
	return Ticket{ID: w.ticket}
}

// settle prints effects and, unless writes are held, persists them, until there are no more.
func (w *world) settle() {
	for {
		effects := w.s.Take()
		if len(effects) == 0 {
			return
		}
		for _, e := range effects {
			w.print(e)
			switch e.(type) {
			case PersistApp, PersistPartition:
				if w.hold {
					w.held = append(w.held, e)
				} else {
					w.persisted(e)
				}
			}
		}
	}
}

func (w *world) persisted(e Effect) {
	switch e := e.(type) {
	case PersistApp:
		w.s.AppPersisted(w.now, e.Info.AppID)
	case PersistPartition:
		w.s.PartitionPersisted(w.now, e.Config.Pid)
	}
}

func (w *world) print(e Effect) {
	switch e := e.(type) {
	case PersistApp:
		fmt.Fprintf(&w.out, "persist table %d %s %s%s\n", e.Info.AppID, e.Info.AppName, e.Info.Status, envText(e.Info.Envs))
	case PersistPartition:
		fmt.Fprintf(&w.out, "persist %s\n", show(&e.Config))
	case Propose:
		c := e.Request.Config
		fmt.Fprintf(&w.out, "propose to %s: %s %s of %s at ballot %d\n", nodeName(e.To),
			strings.TrimPrefix(e.Request.Type.String(), "CT_"), nodeName(e.Request.Node.Val()), c.Pid, c.Ballot)
	case Reply:
		fmt.Fprintf(&w.out, "reply %d: %s\n", e.Ticket.ID, replyText(e))
	case Note:
		if e.Warn {
			fmt.Fprintf(&w.out, "warning: %s\n", e.Text)
		}
	}
}

func envText(envs map[string]string) string {
	var out []string
	for k, v := range envs {
		out = append(out, k+"="+v)
	}
	sort.Strings(out)
	if len(out) == 0 {
		return ""
	}
	return " {" + strings.Join(out, ", ") + "}"
}

func replyText(e Reply) string {
	switch r := e.Response.(type) {
	case nil:
		return "no answer"
	case *metaadmin.ConfigurationUpdateResponse:
		c := FromWire(r.Config, nil)
		return r.Err.Name + " " + show(&c)
	case *metaadmin.ConfigurationCreateAppResponse:
		return fmt.Sprintf("%s id %d", r.Err, r.Appid)
	case *metaadmin.ConfigurationRecallAppResponse:
		return fmt.Sprintf("%s %q", r.Err, r.Info.AppName)
	case *metaadmin.ConfigurationUpdateAppEnvResponse:
		return fmt.Sprintf("%s %q", r.Err, r.HintMessage)
	case *metaadmin.ConfigurationRenameAppResponse:
		return fmt.Sprintf("%s %q", r.Err, r.HintMessage)
	case *metaadmin.ConfigurationSetMaxReplicaCountResponse:
		return fmt.Sprintf("%s old %d %q", r.Err, r.OldMaxReplicaCount, r.HintMessage)
	case interface{ GetErr() *base.ErrorCode }:
		return r.GetErr().Name
	}
	return fmt.Sprintf("%T", e.Response)
}

func (w *world) show(what []string) {
	for _, x := range what {
		if pid, err := base.ParseGpid(x); err == nil {
			p := w.s.partition(pid)
			fmt.Fprintln(&w.out, show(&p.config))
			for _, a := range p.proposals.list {
				fmt.Fprintf(&w.out, "  wanted: %s %s by %s\n", strings.TrimPrefix(a.Type.String(), "CT_"), nodeName(a.Node), nodeName(a.Target))
			}
			for _, d := range p.dropped {
				fmt.Fprintf(&w.out, "  dropped: %s ballot %d committed %d prepared %d\n", nodeName(d.node), d.ballot, d.committed, d.prepared)
			}
			if p.diagnosis != nil {
				fmt.Fprintf(&w.out, "  no primary: %s\n", *p.diagnosis)
			}
			continue
		}
		switch x {
		case "tables":
			for _, i := range w.s.ListApps(&metaadmin.ConfigurationListAppsRequest{}).Infos {
				fmt.Fprintf(&w.out, "table %d %s %s replicas %d%s\n", i.AppID, i.AppName, i.Status, i.MaxReplicaCount, envText(i.Envs))
			}
		case "nodes":
			for _, n := range w.s.NodeLoads() {
				fmt.Fprintf(&w.out, "%s alive %v replicas %d primaries %d\n", nodeName(n.Addr), n.Alive, n.Replicas, n.Primaries)
			}
		case "level":
			fmt.Fprintln(&w.out, w.s.LevelText())
		}
	}
}
