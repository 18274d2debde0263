package pacifica

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// group drives the cluster of the scripts from Go.
type group struct {
	*script
	t *testing.T
}

// newGroup returns a group as the script command "new" makes it.
func newGroup(t *testing.T, args string) *group {
	t.Helper()
	g := &group{script: &script{}, t: t}
	g.do("new " + args)
	return g
}

// do runs script commands, one a line, and returns what they print. "plan" takes its lines after a
// colon.
func (g *group) do(commands string) string {
	g.t.Helper()
	var out strings.Builder
	for line := range strings.Lines(commands) {
		line, input, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if line == "" {
			continue
		}
		cmd, args, err := datadriven.ParseLine(line)
		if err != nil {
			g.t.Fatal(err)
		}
		out.WriteString(g.run(g.t, &datadriven.TestData{Pos: line, Cmd: cmd, CmdArgs: args, Input: input}))
	}
	return out.String()
}

// primary is the node whose core is primary; nil when there is none.
func (g *group) primary() *node {
	for _, n := range g.c.nodes {
		if n.core != nil && n.core.Status() == Primary {
			return n
		}
	}
	return nil
}

// named returns a node by name.
func (g *group) named(name string) *node {
	g.t.Helper()
	for _, n := range g.c.nodes {
		if n.name == name {
			return n
		}
	}
	g.t.Fatalf("no node %s", name)
	return nil
}

// expectWhole checks that the group ends as it should: healthy, with every acknowledged write once.
func (g *group) expectWhole() {
	g.t.Helper()
	if err := g.c.wholeAgain(); err != nil {
		g.t.Fatalf("%v\n%s\n%s", err, g.state(), strings.Join(g.c.trace[max(0, len(g.c.trace)-40):], "\n"))
	}
}
