package rpc

import (
	"context"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/command"
	"github.com/pegasus-go/pegasus/gen-go/security"
)

const cliCode = "RPC_CLI_CLI_CALL"

func TestRemoteCommands(t *testing.T) {
	var cmds Commands
	cmds.Register("server-info", "Query server information", func([]string) string { return "info" })
	cmds.RegisterUsage("echo|e", "[word...]", "Say it again", func(args []string) string { return strings.Join(args, ",") })
	cmds.Register("broken", "Break", func([]string) string { panic("oops") })
	cmds.Register("gone", "Gone", func([]string) string { return "" })
	cmds.Unregister("gone")
	_, at := serve(t, ServerOptions{}, func(s *Server) { s.Handle(cliCode, cmds.Handle) })
	dialects(t, func(t *testing.T, d Dialect) {
		p := newPool(t, PoolOptions{Dialect: d})
		run := func(cmd string, args ...string) string {
			body, err := p.CallBytes(context.Background(), at, Call{Name: cliCode,
				Body: AppendValue(nil, p.ArgField(), &command.Command{Cmd: cmd, Arguments: args})})
			if err != nil {
				t.Fatal(err)
			}
			text, _, err := ReadString(body)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		list := "help|h|H|Help - Display help information\nbroken - Break\necho|e - Say it again\nserver-info - Query server information\n"
		for got, want := range map[string]string{
			run("server-info"):    "info",
			run("echo", "a", "b"): "a,b",
			run("e"):              "",
			run("nope"):           "unknown command 'nope'",
			run("gone"):           "unknown command 'gone'",
			run("help"):           list,
			run("H"):              list,
			run("help", "e"):      "echo|e - Say it again\necho|e [word...]\n",
			run("help", "x"):      "cannot find command 'x'",
		} {
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if got := run("broken"); !strings.HasPrefix(got, "command 'broken' failed: oops") {
			t.Errorf("got %q", got)
		}
		err := p.Call(context.Background(), at, Call{Name: cliCode, Body: []byte{1}}, nil)
		if err != base.ErrInvalidData {
			t.Error(err)
		}
	})
}

func TestRemoteCommandsAtATime(t *testing.T) {
	var cmds Commands
	started, release := make(chan bool, CommandsMax), make(chan bool)
	cmds.Register("wait", "", func([]string) string { started <- true; <-release; return "" })
	_, at := serve(t, ServerOptions{}, func(s *Server) { s.Handle(cliCode, cmds.Handle) })
	p := newPool(t, PoolOptions{})
	c := Call{Name: cliCode, Body: AppendValue(nil, 0, &command.Command{Cmd: "wait"})}
	var got collect
	for range CommandsMax {
		p.Go(at, c, got.done())
	}
	for range CommandsMax {
		<-started
	}
	if err := p.Call(context.Background(), at, c, nil); err != base.ErrBusy {
		t.Error(err)
	}
	close(release)
	got.want(t, base.ErrOK, CommandsMax)
}

func TestNegotiationDisabled(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) { s.Handle("RPC_NEGOTIATION", NegotiationDisabled) })
	p := newPool(t, PoolOptions{Dialect: THFTv1})
	ask := &security.NegotiationRequest{Status: security.NegotiationStatus_SASL_LIST_MECHANISMS, Msg: base.NewBlob()}
	var res security.NegotiationResponse
	err := p.Call(context.Background(), at, Call{Name: "RPC_NEGOTIATION", Body: AppendValue(nil, 1, ask)}, &res)
	if err != nil || res.Status != security.NegotiationStatus_SASL_AUTH_DISABLE {
		t.Error(res, err)
	}
}
