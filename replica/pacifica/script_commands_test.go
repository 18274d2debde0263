package pacifica

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	metacore "github.com/pegasus-go/pegasus/meta/cluster"
)

// nodes are the commands that begin and end processes.
func (s *script) nodes(a scriptArgs) bool {
	switch a.d.Cmd {
	case "new":
		s.create(a)
		return true
	case "start", "crash", "restart", "wipe", "isolate", "join":
	default:
		return false
	}
	for _, name := range a.words() {
		n := s.node(a, name)
		switch a.d.Cmd {
		case "start":
			s.c.start(n)
		case "crash":
			n.crash()
		case "restart":
			n.crash()
			n.disk.log = n.disk.log[:max(0, len(n.disk.log)-int(a.int("lose", 0)))]
			s.c.start(n)
		case "wipe":
			n.wipe()
		case "isolate":
			n.isolated = true
		case "join":
			n.isolated = false
		}
	}
	return true
}

func (s *script) create(a scriptArgs) {
	c := emptyCluster(int(a.int("nodes", 3)))
	s.c, s.rules, s.held = c, nil, nil
	c.script = s
	c.params.PipelineUpdates = int(a.int("pipeline", 1))
	c.params.WindowDecrees = a.int("window", 0)
	c.params.PrepareListDecrees = a.int("list", 0)
	c.params.MinMembers = int(a.int("min", 0))
	c.params.GroupCheckIntervalMs = a.int("check_ms", c.params.GroupCheckIntervalMs)
	m := newRealMeta(c, int32(a.int("replicas", 3)))
	m.opts.AssignDelayMs = a.int("add_ms", m.opts.AssignDelayMs)
	m.opts.WriteMinReplicas = int32(a.int("min", 0))
	m.start()
	c.meta = m
	c.every(100, m.tick)
	// A group that is there already, so that the script begins with what it is about.
	for _, n := range c.nodes[:a.int("started", 0)] {
		c.start(n)
		c.run(2000)
	}
	s.out.Reset()
}

// clients are the commands of those who use the table, and of time.
func (s *script) clients(a scriptArgs) bool {
	switch a.d.Cmd {
	case "write":
		for _, id := range a.words() {
			s.write(a, id)
		}
		s.writeMany(a, int(a.int("count", 0)))
	case "read":
		for _, n := range s.c.nodes {
			if n.serves() {
				fmt.Fprintf(&s.out, "%s answers at decree %d\n", n, len(n.disk.store))
			}
		}
		if s.out.Len() == 0 {
			s.out.WriteString("nobody answers\n")
		}
	case "run":
		s.c.run(a.number(a.word(0)))
	default:
		return false
	}
	return true
}

// write gives a write to whoever believes to be primary, or to the node that is named.
func (s *script) write(a scriptArgs, id string) {
	var takers []*node
	for _, n := range s.c.nodes {
		serves := n.core != nil && (n.core.ReadsAllowed() || n.core.Status() == Primary)
		if n.core != nil && (a.str("to") == n.name || a.str("to") == "" && serves) {
			takers = append(takers, n)
		}
	}
	for _, n := range takers {
		n.lastToken++
		n.writes[n.lastToken] = id
		n.step(Write{Update: Update{Code: "RPC_RRDB_RRDB_PUT", Body: []byte(id), Token: n.lastToken}})
		s.c.run(0)
	}
	if len(takers) == 0 {
		fmt.Fprintf(&s.out, "nobody takes %s\n", id)
	}
}

// writeMany makes many writes and tells how many were answered at once.
func (s *script) writeMany(a scriptArgs, count int) {
	if count == 0 {
		return
	}
	before := len(s.c.acked)
	for range count {
		s.c.issued++
		s.write(a, fmt.Sprintf("m%d", s.c.issued))
	}
	s.out.Reset()
	fmt.Fprintf(&s.out, "%d of %d answered\n", len(s.c.acked)-before, count)
}

// network are the commands that decide what becomes of messages and disks.
func (s *script) network(a scriptArgs) bool {
	switch a.d.Cmd {
	case "drop", "hold", "double":
		for _, kind := range a.words() {
			s.rules = append(s.rules, &rule{action: a.d.Cmd, kind: kind, from: a.str("from"), to: a.str("to"), skip: int(a.int("skip", 0)), times: int(a.int("times", -1))})
		}
	case "allow":
		kinds := a.words()
		s.rules = slices.DeleteFunc(s.rules, func(r *rule) bool { return len(kinds) == 0 || slices.Contains(kinds, r.kind) })
	case "release":
		s.release(a.words())
	case "break", "mend":
		s.damage(a, s.node(a, a.word(0)), a.d.Cmd == "break")
	case "checkpoint":
		s.node(a, a.word(0)).disk.checkpoint()
	case "gc_log":
		n, upto := s.node(a, a.word(0)), a.int("upto", 0)
		if upto > int64(n.disk.durable) {
			a.d.Fatalf(a.t, "the checkpoint of %s ends at %d", n, n.disk.durable)
		}
		n.disk.log = slices.DeleteFunc(n.disk.log, func(m *Mutation) bool { return m.Decree <= upto })
	default:
		return false
	}
	return true
}

// release delivers the held messages of the kinds, or all.
func (s *script) release(words []string) {
	reversed := slices.Contains(words, "reversed")
	kinds := slices.DeleteFunc(words, func(w string) bool { return w == "reversed" })
	held := s.held
	s.held = nil
	if reversed {
		slices.Reverse(held)
	}
	for _, m := range held {
		if len(kinds) > 0 && !slices.Contains(kinds, m.kind) {
			s.held = append(s.held, m)
			continue
		}
		s.c.carryAfter(0, m)
	}
}

func (s *script) damage(a scriptArgs, n *node, broken bool) {
	for _, what := range a.words()[1:] {
		switch what {
		case "log":
			n.broken.log = broken
		case "slow_log":
			n.broken.holdLog = broken
			for range n.logQueue {
				s.c.at(0, n.writeLog)
			}
		case "apply":
			n.broken.apply = broken
		case "checkpoint":
			n.broken.checkpoint = broken
		case "install":
			n.broken.install = broken
		case "reset":
			n.broken.reset = broken
		default:
			a.d.Fatalf(a.t, "%s cannot be broken", what)
		}
	}
}

// operator are the commands of those who run the cluster.
func (s *script) operator(a scriptArgs) bool {
	m := s.c.meta.(*realMeta)
	switch a.d.Cmd {
	case "plan":
		var plan []metacore.Action
		for line := range strings.Lines(a.d.Input) {
			f := strings.Fields(line)
			by := m.tree.Primary
			if len(f) > 2 {
				by = s.node(a, strings.TrimPrefix(f[2], "by=")).addr
			}
			plan = append(plan, metacore.Action{Target: by, Node: s.node(a, f[1]).addr, Type: s.configType(a, f[0])})
		}
		resp := m.s.Propose(m.now(), &metaadmin.ConfigurationBalancerRequest{Gpid: simGpid.Ptr(), Force: slices.Contains(a.words(), "force")}, plan)
		fmt.Fprintf(&s.out, "%s\n", resp.Err)
		m.settle()
	case "propose":
		cfg := m.tree
		cfg.Ballot = a.int("ballot", cfg.Ballot)
		s.node(a, a.str("to")).onProposal(ProposalReceived{Type: s.configType(a, a.word(0)), Node: s.node(a, a.word(1)).addr, Config: cfg})
	case "admit_loss":
		s.admitLoss(a.int("above", 0))
	case "meta":
		switch a.word(0) {
		case "stop":
			m.stop()
		case "start":
			m.start()
		case "slow":
			m.hold = true
		case "persist":
			m.resume()
		default:
			return false
		}
	default:
		return false
	}
	return true
}

// admitLoss tells the observer that the operator gave up everything above a decree.
func (s *script) admitLoss(above int64) {
	w := &s.c.watch
	for d, text := range w.truth {
		if d <= above {
			continue
		}
		delete(w.truth, d)
		for _, id := range strings.Fields(text)[1:] {
			s.c.acked = slices.DeleteFunc(s.c.acked, func(x string) bool { return x == id })
		}
	}
	w.answered = min(w.answered, above)
}

func (s *script) configType(a scriptArgs, name string) ConfigType {
	typ, err := metaadmin.ConfigTypeFromString("CT_" + name)
	if err != nil {
		a.d.Fatalf(a.t, "%v", err)
	}
	return typ
}

// look are the commands that only ask.
func (s *script) look(a scriptArgs) bool {
	switch a.d.Cmd {
	case "whole":
		s.judged = true
		if err := s.c.wholeAgain(); err != nil {
			a.d.Fatalf(a.t, "%v\n%s", err, s.state())
		}
		fmt.Fprintf(&s.out, "%d acknowledged writes are on %d members\n", len(s.c.acked), s.c.meta.config().Members())
	case "show":
		s.show(a, a.word(0))
	default:
		return false
	}
	return true
}

func (s *script) show(a scriptArgs, what string) {
	switch what {
	case "meta":
		cfg := s.c.meta.config()
		fmt.Fprintf(&s.out, "ballot %d primary %s secondaries %s dropped %s\n", cfg.Ballot, s.c.nameOf(cfg.Primary), s.c.namesOf(cfg.Secondaries), s.c.namesOf(cfg.LastDrops))
		m := s.c.meta.(*realMeta)
		for _, p := range m.s.Diagnose(simGpid, false).Partitions {
			fmt.Fprintf(&s.out, "no primary: %s\n", s.named(p.Reason))
		}
	case "log":
		for _, m := range s.node(a, a.word(1)).disk.log {
			fmt.Fprintf(&s.out, "decree %d ballot %d committed %d:%s\n", m.Decree, m.Ballot, m.LastCommitted, updatesText(m))
		}
	case "store":
		var out []string
		for _, text := range s.node(a, a.word(1)).disk.store {
			_, updates, _ := strings.Cut(text, " ")
			out = append(out, updates)
		}
		fmt.Fprintf(&s.out, "%s\n", strings.Join(out, "; "))
	}
	if s.out.Len() == 0 {
		s.out.WriteString("nothing\n")
	}
}

func updatesText(m *Mutation) string {
	_, updates, _ := strings.Cut(content(m), " ")
	return " " + updates
}

// named writes the addresses of a text as names.
func (s *script) named(text string) string {
	for _, n := range s.c.nodes {
		text = strings.ReplaceAll(text, n.addr.HostPort().String(), n.name)
		text = strings.ReplaceAll(text, n.addr.String(), n.name)
	}
	return text
}
