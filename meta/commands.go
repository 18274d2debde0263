package meta

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/meta/cluster"
)

// Commands of every meta; those that only a leader can obey are added for the length of a term.
func (s *Server) registerCommands() {
	s.commands.Register("server-info", "Query server information", func([]string) string {
		return compactJSON(map[string]string{
			"build_type": "Release", "git_SHA": s.opts.GitCommit, "version": s.opts.Version,
			"start_time": time.UnixMilli(s.startMs).Format("2006-01-02 15:04:05"),
		})
	})
	s.commands.Register("fd.allow_list", "Show the allow list of failure detector", func([]string) string {
		names := make([]string, len(s.opts.AllowList))
		for i, n := range s.opts.AllowList {
			names[i] = n.String()
		}
		return compactJSON(map[string]any{"enabled": s.opts.AllowList != nil, "allow_list": strings.Join(names, ",")})
	})
	s.commands.RegisterUsage("meta.live_percentage", "[num | DEFAULT]", "node live percentage threshold for update",
		func(args []string) string {
			return s.intCommand("meta.live_percentage", args, s.opts.Cluster.LivePercentage, 100,
				func(o *cluster.Options) *int64 { return &o.LivePercentage })
		})
}

// knobs are the commands that change how a leader works.
var intKnobs = []struct {
	name, help string
	max        int64
	of         func(o *cluster.Options) *int64
}{
	{"meta.lb.assign_delay_ms", "control the replica_assign_delay_ms_for_dropouts config", 1 << 50,
		func(o *cluster.Options) *int64 { return &o.AssignDelayMs }},
	{"meta.lb.add_secondary_max_count_for_one_node", "control the max count to add secondary for one node", 1 << 30,
		func(o *cluster.Options) *int64 { return &o.AddSecondaryMaxPerNode }},
}

var boolKnobs = []struct {
	name, help string
	of         func(o *cluster.Options) *bool
}{
	{"meta.lb.add_secondary_enable_flow_control", "control whether enable add secondary flow control",
		func(o *cluster.Options) *bool { return &o.AddSecondaryFlowControl }},
	{"meta.lb.balancer_in_turn", "control whether do app balancer in turn",
		func(o *cluster.Options) *bool { return &o.BalancerInTurn }},
	{"meta.lb.only_primary_balancer", "control whether do only primary balancer",
		func(o *cluster.Options) *bool { return &o.OnlyPrimaryBalancer }},
	{"meta.lb.only_move_primary", "control whether only move primary in balancer",
		func(o *cluster.Options) *bool { return &o.OnlyMovePrimary }},
}

const (
	cmdBlackList = "meta.lb.assign_secondary_black_list"
	cmdIgnored   = "meta.lb.ignored_app_list"
	cmdBalance   = "meta.lb.get_balance_operation_count"
)

func (s *Server) registerLeaderCommands() {
	for _, k := range intKnobs {
		s.commands.RegisterUsage(k.name, "[num | DEFAULT]", k.help, func(args []string) string {
			return s.intCommand(k.name, args, *k.of(&s.opts.Cluster), k.max, k.of)
		})
	}
	for _, k := range boolKnobs {
		s.commands.RegisterUsage(k.name, "<true|false>", k.help, func(args []string) string { return s.boolCommand(k.name, args, k.of) })
	}
	s.commands.RegisterUsage(cmdIgnored, "<get | set <id1,id2,...> | clear>", "Get, set or clear balancer ignored_app_list", s.ignoredApps)
	s.commands.RegisterUsage(cmdBalance, "[total | move_pri | copy_pri | copy_sec | detail]", "Get balance operation count", s.balanceCount)
	s.commands.RegisterUsage(cmdBlackList, "[<hp1,hp2,...> | clear]", "Control the assign secondary black list", s.blackList)
}

func (s *Server) unregisterLeaderCommands() {
	for _, k := range intKnobs {
		s.commands.Unregister(k.name)
	}
	for _, k := range boolKnobs {
		s.commands.Unregister(k.name)
	}
	for _, name := range []string{cmdBlackList, cmdIgnored, cmdBalance} {
		s.commands.Unregister(name)
	}
}

// withCore runs f on the core of the current term; false when there is none.
func (s *Server) withCore(f func(now int64, core *cluster.State)) bool {
	t := s.leadingTerm()
	if t == nil || !t.ready.Load() {
		return false
	}
	ran := false
	t.do(func(now int64) { ran = true; f(now, t.core) })
	return ran
}

const notLeading = "ERR: this meta server does not lead"

// intCommand is a command that reads or sets a number (ops.md 7). A meta that does not lead shows the
// value it would start a term with, and sets nothing.
func (s *Server) intCommand(name string, args []string, start, limit int64, of func(o *cluster.Options) *int64) string {
	if len(args) > 1 {
		return errorJSON(fmt.Sprintf("ERR: invalid arguments '%s', only one argument is acceptable", strings.Join(args, " ")))
	}
	set, reset := int64(0), false
	if len(args) == 1 {
		reset = strings.EqualFold(args[0], "DEFAULT")
		v, err := strconv.ParseInt(args[0], 10, 64)
		if !reset && (err != nil || v < 0 || v > limit) {
			return errorJSON(fmt.Sprintf("ERR: invalid argument '%s', the value is not acceptable", args[0]))
		}
		if set = v; reset {
			set = start
		}
	}
	value := start
	if !s.withCore(func(_ int64, core *cluster.State) {
		if len(args) == 1 {
			*of(core.Options()) = set
		}
		value = *of(core.Options())
	}) && len(args) == 1 && !reset {
		return errorJSON(notLeading)
	}
	switch {
	case len(args) == 0:
		return prettyJSON(map[string]any{"error": "ok", name: strconv.FormatInt(value, 10)})
	case reset:
		return prettyJSON(map[string]any{"error": "ok", name: value})
	}
	return errorJSON("ok")
}

// boolCommand is a command that reads or sets a switch.
func (s *Server) boolCommand(name string, args []string, of func(o *cluster.Options) *bool) string {
	if len(args) > 1 {
		return errorJSON("ERR: invalid arguments, only one boolean argument is acceptable")
	}
	want := false
	if len(args) == 1 {
		if args[0] != "true" && args[0] != "false" {
			return errorJSON(fmt.Sprintf("ERR: invalid arguments, '%s' is not a boolean", args[0]))
		}
		want = args[0] == "true"
	}
	value := false
	if !s.withCore(func(_ int64, core *cluster.State) {
		if len(args) == 1 {
			*of(core.Options()) = want
		}
		value = *of(core.Options())
	}) {
		return errorJSON(notLeading)
	}
	if len(args) == 0 {
		return prettyJSON(map[string]any{"error": "ok", name: strconv.FormatBool(value)})
	}
	return errorJSON("ok")
}

func (s *Server) blackList(args []string) string {
	if len(args) > 1 {
		return errorJSON("invalid argument, 0 or 1 argument is acceptable")
	}
	var list []base.RPCAddress
	if len(args) == 1 && args[0] != "clear" {
		for _, x := range strings.Split(args[0], ",") {
			a, err := base.ResolveAddress(strings.TrimSpace(x))
			if err != nil {
				return errorJSON(fmt.Sprintf("invalid argument, bad host:port '%s'", x))
			}
			list = append(list, a)
		}
	}
	var names []string
	if !s.withCore(func(_ int64, core *cluster.State) {
		if len(args) == 1 {
			core.SetBlackList(list)
		}
		for _, n := range core.BlackList() {
			names = append(names, core.HostPort(n).String())
		}
	}) {
		return errorJSON(notLeading)
	}
	if len(args) == 0 {
		return prettyJSON(map[string]any{"error": "ok", "assign_secondary_black_list": strings.Join(names, ",")})
	}
	return errorJSON("ok")
}

// ignoredApps reads and sets the tables that the balancer leaves alone.
func (s *Server) ignoredApps(args []string) string {
	var ids []int32
	switch {
	case len(args) == 1 && (args[0] == "get" || args[0] == "clear"):
	case len(args) == 2 && args[0] == "set":
		for _, x := range strings.Split(args[1], ",") {
			id, err := strconv.ParseInt(x, 10, 32)
			if err != nil || id <= 0 {
				return errorJSON("invalid argument(s)")
			}
			ids = append(ids, int32(id))
		}
	default:
		return errorJSON("invalid argument(s)")
	}
	var names []string
	if !s.withCore(func(_ int64, core *cluster.State) {
		if args[0] != "get" {
			core.SetUnbalanced(ids)
		}
		for _, id := range core.Unbalanced() {
			names = append(names, num(id))
		}
	}) {
		return errorJSON(notLeading)
	}
	if args[0] == "get" {
		return prettyJSON(map[string]any{"ignored_app_id_list": strings.Join(names, ",")})
	}
	return errorJSON("ok")
}

// balanceCount shows what the balancer would do next.
func (s *Server) balanceCount(args []string) string {
	var counts map[string]int
	if !s.withCore(func(_ int64, core *cluster.State) { counts = balanceCounts(core) }) {
		return errorJSON(notLeading)
	}
	what := "total"
	if len(args) > 0 {
		what = args[0]
	}
	if what == "detail" {
		return prettyJSON(counts)
	}
	n, ok := counts[what]
	if !ok || len(args) > 1 {
		return errorJSON("ERR: invalid arguments")
	}
	return prettyJSON(map[string]int{what: n})
}

func errorJSON(text string) string { return prettyJSON(map[string]any{"error": text}) }

// prettyJSON and compactJSON write objects with sorted keys and text as it is.
func prettyJSON(v any) string { return encodeJSON(v, "  ") }

func compactJSON(v any) string { return encodeJSON(v, "") }

func encodeJSON(v any, indent string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return fmt.Sprintf(`{"error":%q}`, err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
