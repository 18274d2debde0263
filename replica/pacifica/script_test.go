package pacifica

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestScenarios runs testdata/scenarios and testdata/bugs: a group of real cores with the real core
// of the meta server, on a network, logs and stores that do what the script says. Nothing happens by
// chance and messages take no time; time passes with "run MS" alone. After every command the output
// tells what happened and then {node,role,ballot,committed,prepared} of each node. All of watch_test.go
// is checked meanwhile.
//
//	new [nodes=3] [replicas=3] [started=N] [min=N] [window=N] [list=N] [pipeline=N] [check_ms=N] [add_ms=N]
//	start|crash|restart|wipe|isolate|join NODE...      restart [lose=N log entries]
//	write ID... [count=N] [to=NODE] read
//	drop|hold|double KIND [from=] [to=] [skip=N] [times=N]    KIND: prepare, prepare_ack, ..., any
//	release [KIND] [reversed]       allow [KIND]       (release what is held; no more rules)
//	break|mend NODE log|slow_log|apply|checkpoint|install|reset
//	checkpoint NODE                 gc_log NODE upto=N
//	plan [force]                    (lines of "TYPE node [by=NODE]": an operator's plan at the meta server)
//	propose TYPE node to=NODE [ballot=N]               (a proposal that did not come from the meta server)
//	admit_loss above=N              (an operator gave up everything above a decree)
//	meta stop|start|slow|persist
//	run MS
//	show log|store|meta [NODE]
//	whole                           (everything acknowledged is there once, on all members)
func TestScenarios(t *testing.T) {
	for _, dir := range []string{"testdata/scenarios", "testdata/bugs"} {
		datadriven.Walk(t, dir, func(t *testing.T, path string) {
			if fi, err := os.Stat(path); err != nil || fi.IsDir() {
				return
			}
			s := &script{}
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.run(t, d) })
			if !s.judged {
				t.Error("the script does not end with a group that is whole, nor says why it cannot be")
			}
		})
	}
}

// upstreamCases are the scripted scenarios of the original (docs/reliability/paper.md).
var upstreamCases = strings.Fields(`
	000 001 002 003 004 005 006
	100 101 102 103 104 105 106 107 108 109
	200 201 202-0 202-1 203-0 204 205 206 207 208 209 210 211 212 213 214 215 216
	300-0 300-1 300-2 301 302 303 304 305 306 307
	400 401 402
	600 601 602 603`)

func TestEveryScenarioHasItsFile(t *testing.T) {
	if len(upstreamCases) != 52 {
		t.Fatalf("%d scenarios listed", len(upstreamCases))
	}
	for _, name := range upstreamCases {
		path := filepath.Join("testdata", "scenarios", "case-"+name+".txt")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		} else if !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s does not begin by saying what it shows", path)
		}
	}
}

// script is a cluster that does what it is told.
type script struct {
	c      *cluster
	out    strings.Builder
	rules  []*rule
	held   []message
	sent   int // messages so far
	judged bool
}

// rule says what happens to messages of a kind. Of several that fit, the first with some times left
// counts.
type rule struct {
	action, kind, from, to string
	skip                   int // that many pass first
	times                  int // left; negative: always
}

func (r *rule) fits(m message) bool {
	is := func(want, have string) bool { return want == "" || want == "any" || want == have }
	return r.times != 0 && is(r.kind, m.kind) && is(r.from, m.from.String()) && is(r.to, m.to.String())
}

func (s *script) carry(m message) {
	s.sent++
	for _, r := range s.rules {
		if !r.fits(m) {
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		r.times--
		switch r.action {
		case "drop":
			s.c.say("%s %s>%s is lost", m.kind, m.from, m.to)
			return
		case "hold":
			s.c.say("%s %s>%s is held", m.kind, m.from, m.to)
			s.held = append(s.held, m)
			return
		case "double":
			s.c.say("%s %s>%s comes twice", m.kind, m.from, m.to)
			s.c.carryAfter(0, m)
		}
		break
	}
	s.c.carryAfter(0, m)
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	if s.c == nil && d.Cmd != "new" {
		d.Fatalf(t, "new comes first")
	}
	a := scriptArgs{t, d}
	if !s.nodes(a) && !s.clients(a) && !s.network(a) && !s.operator(a) && !s.look(a) {
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	s.c.run(0)
	if s.c.err != nil {
		tail := s.c.trace[max(0, len(s.c.trace)-40):]
		d.Fatalf(t, "%v\n%s", s.c.err, strings.Join(tail, "\n"))
	}
	if d.Cmd != "show" && d.Cmd != "read" {
		s.out.WriteString(s.state() + "\n")
	}
	return joined(s.out.String())
}

// joined puts what a node answers in a row on one line.
func joined(text string) string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		node, id, ok := strings.Cut(line, " answers ")
		ok = ok && !strings.Contains(id, " ")
		if last := len(out) - 1; ok && last >= 0 && strings.HasPrefix(out[last], node+" answers ") {
			out[last] += " " + id
		} else {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// state is the group at a glance.
func (s *script) state() string {
	short := map[string]string{"primary": "pri", "secondary": "sec", "learner": "pot", "inactive": "ina", "error": "err", "out": "out"}
	var out []string
	for _, n := range s.c.nodes {
		switch {
		case !n.up:
			out = append(out, "{"+n.name+",down}")
		case n.core == nil && n.closed:
			out = append(out, "{"+n.name+",closed}")
		case n.core == nil:
			out = append(out, "{"+n.name+",none}")
		default:
			out = append(out, fmt.Sprintf("{%s,%s,%d,%d,%d}", n.name, short[roleName(n.core)], n.core.Config().Ballot, n.core.LastCommitted(), n.core.MaxDecree()))
		}
	}
	return strings.Join(out, " ")
}

// scriptArgs reads the arguments of a command.
type scriptArgs struct {
	t *testing.T
	d *datadriven.TestData
}

func (a scriptArgs) str(key string) string {
	for _, x := range a.d.CmdArgs {
		if x.Key == key && len(x.Vals) > 0 {
			return x.Vals[0]
		}
	}
	return ""
}

func (a scriptArgs) int(key string, def int64) int64 {
	text := a.str(key)
	if text == "" {
		return def
	}
	return a.number(text)
}

func (a scriptArgs) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		a.d.Fatalf(a.t, "%q is no number", text)
	}
	return n
}

// words are the arguments without a value.
func (a scriptArgs) words() (out []string) {
	for _, x := range a.d.CmdArgs {
		if len(x.Vals) == 0 {
			out = append(out, x.Key)
		}
	}
	return out
}

func (a scriptArgs) word(i int) string {
	if w := a.words(); i < len(w) {
		return w[i]
	}
	a.d.Fatalf(a.t, "%s needs more words", a.d.Cmd)
	return ""
}

func (s *script) node(a scriptArgs, name string) *node {
	for _, n := range s.c.nodes {
		if n.name == name {
			return n
		}
	}
	a.d.Fatalf(a.t, "there is no node %q", name)
	return nil
}
