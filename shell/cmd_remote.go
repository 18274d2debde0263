package shell

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// remoteNode is one server a remote command goes to.
type remoteNode struct {
	name string // as printed
	addr base.RPCAddress
	role string
}

// remoteAnswer is one server's reply; text is the error's name when it did not answer.
type remoteAnswer struct {
	acked bool
	text  string
}

// remoteConcurrent is how many servers are asked at once.
const remoteConcurrent = 32

func cmdRemoteCommand(s *session, p *parsed) error {
	return s.remote(p, p.pos[0], p.pos[1:])
}

func cmdServerInfo(s *session, p *parsed) error { return s.remote(p, "server-info", nil) }

func cmdFlushLog(s *session, p *parsed) error { return s.remote(p, "flush-log", nil) }

// remote runs a command on the servers chosen by -t or -l.
func (s *session) remote(p *parsed, cmd string, args []string) error {
	nodes, err := s.remoteNodes(p)
	if err != nil {
		return err
	}
	answers := s.askAll(nodes, cmd, args)
	failed := 0
	for _, a := range answers {
		failed += count(!a.acked)
	}
	shown := cmd + " " + strings.Join(args, " ")
	if s.opts.Legacy || p.has("legacy") {
		legacyRemote(s.errw, strings.TrimSpace(shown), nodes, answers, failed)
	} else {
		fmt.Fprint(s.out, remoteJSON(shown, nodes, answers, failed))
	}
	if failed > 0 {
		return errTold
	}
	return nil
}

func (s *session) remoteNodes(p *parsed) ([]remoteNode, error) {
	kind := p.str("node_type", "all")
	if p.has("node_list") {
		if p.has("node_type") {
			return nil, fmt.Errorf("can not specify both node_type and nodes_str")
		}
		return namedNodes(p.str("node_list", ""), "user-specified")
	}
	switch kind {
	case "all", "meta-server", "replica-server":
	default:
		return nil, fmt.Errorf("invalid node_type, should be in [all, meta-server, replica-server]")
	}
	var nodes []remoteNode
	if kind != "replica-server" {
		metas, err := namedNodes(strings.Join(s.metas, ","), "meta-server")
		if err != nil {
			return nil, err
		}
		nodes = metas
	}
	if kind != "meta-server" {
		replicas, err := s.aliveNodes()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, replicas...)
	}
	if p.has("resolve_ip") {
		for i := range nodes {
			nodes[i].name = otherName(s.ctx, nodes[i].name)
		}
	}
	return nodes, nil
}

func namedNodes(list, role string) ([]remoteNode, error) {
	var nodes []remoteNode
	for name := range strings.SplitSeq(list, ",") {
		a, err := base.ResolveAddress(name)
		if err != nil {
			return nil, fmt.Errorf("parse '%s' as host:port failed", name)
		}
		nodes = append(nodes, remoteNode{name, a, role})
	}
	return nodes, nil
}

func (s *session) aliveNodes() ([]remoteNode, error) {
	ctx, cancel := s.adminCtx()
	defer cancel()
	infos, err := s.admin().ListNodes(ctx, metaadmin.NodeStatus_NS_ALIVE)
	if err != nil {
		return nil, fmt.Errorf("list nodes failed, error=%s", codeName(err))
	}
	var nodes []remoteNode
	for _, n := range infos {
		nodes = append(nodes, remoteNode{infoText(n), n.GetNode().Val(), "replica-server"})
	}
	return nodes, nil
}

func (s *session) askAll(nodes []remoteNode, cmd string, args []string) []remoteAnswer {
	answers := make([]remoteAnswer, len(nodes))
	slots := make(chan struct{}, remoteConcurrent)
	var wg sync.WaitGroup
	for i, n := range nodes {
		slots <- struct{}{}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(s.ctx, timeoutDefault)
			defer cancel()
			text, err := s.admin().RemoteCommand(ctx, n.addr, cmd, args...)
			answers[i] = remoteAnswer{err == nil, text}
			if err != nil {
				answers[i].text = codeName(err)
			}
			<-slots
		})
	}
	wg.Wait()
	return answers
}

// remoteJSON has its keys sorted, as every nested object a server answered.
func remoteJSON(cmd string, nodes []remoteNode, answers []remoteAnswer, failed int) string {
	details := map[string]any{}
	for i, n := range nodes {
		details[n.name] = map[string]any{"acked": answers[i].acked, "message": parsedMessage(answers[i].text), "role": n.role}
	}
	return encodeJSON(map[string]any{
		"command": cmd, "details": details, "failed_count": failed, "succeed_count": len(nodes) - failed,
	}, "  ")
}

// parsedMessage is the JSON value a reply is, figures untouched, or the reply as it stands.
func parsedMessage(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text
	}
	if _, err := d.Token(); err != io.EOF {
		return text // something follows: not one value
	}
	return v
}

// legacyRemote prints as releases up to 2.4 did.
func legacyRemote(w io.Writer, cmd string, nodes []remoteNode, answers []remoteAnswer, failed int) {
	fmt.Fprintf(w, "COMMAND: %s\n\n", cmd)
	for i, n := range nodes {
		word := "succeed"
		if !answers[i].acked {
			word = "failed"
		}
		fmt.Fprintf(w, "CALL [%s] [%s] %s: %s\n", n.role, n.name, word, answers[i].text)
	}
	fmt.Fprintf(w, "\nSucceed count: %d\nFailed count: %d\n", len(nodes)-failed, failed)
}
