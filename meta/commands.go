package meta

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/meta/cluster"
)

// Commands of every meta; those that only a leader can obey are added for the length of a term.
func (s *Server) registerCommands() {
	s.commands.Register("server-info", "Query server information", func([]string) string {
		return compactJSON(map[string]string{
			"build_type": "Release", "git_SHA": s.opts.GitCommit, "version": s.opts.Version,
			"start_time": s.started.Format("2006-01-02 15:04:05"),
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

const (
	cmdFlowControl = "meta.lb.add_secondary_enable_flow_control"
	cmdBlackList   = "meta.lb.assign_secondary_black_list"
	cmdBalance     = "meta.lb.get_balance_operation_count"
)

func (s *Server) registerLeaderCommands() {
	for _, k := range intKnobs {
		s.commands.RegisterUsage(k.name, "[num | DEFAULT]", k.help, func(args []string) string {
			return s.intCommand(k.name, args, *k.of(&s.opts.Cluster), k.max, k.of)
		})
	}
	s.commands.RegisterUsage(cmdFlowControl, "<true|false>", "control whether enable add secondary flow control", s.flowControl)
	s.commands.RegisterUsage(cmdBlackList, "[<hp1,hp2,...> | clear]", "Control the assign secondary black list", s.blackList)
}

func (s *Server) unregisterLeaderCommands() {
	for _, k := range intKnobs {
		s.commands.Unregister(k.name)
	}
	s.commands.Unregister(cmdFlowControl)
	s.commands.Unregister(cmdBlackList)
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

func (s *Server) flowControl(args []string) string {
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
			core.Options().AddSecondaryFlowControl = want
		}
		value = core.Options().AddSecondaryFlowControl
	}) {
		return errorJSON(notLeading)
	}
	if len(args) == 0 {
		return prettyJSON(map[string]any{"error": "ok", cmdFlowControl: strconv.FormatBool(value)})
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
