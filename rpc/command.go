package rpc

import (
	"fmt"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/command"
)

// CommandsMax is how many remote commands of one Commands run at a time; more are answered ERR_BUSY.
const CommandsMax = 16

// Commands are the remote commands of a process (RPC_CLI_CLI_CALL, ops.md §7): names with a help
// text and a function from arguments to text. The zero value knows only `help`.
type Commands struct {
	// Go starts the goroutine of a command; by default the go statement does.
	Go func(func())

	mu      sync.RWMutex
	byName  map[string]*remoteCommand
	running atomic.Int32
}

type remoteCommand struct {
	names string // joined by "|"
	args  string
	help  string
	run   func(args []string) string
}

// Register adds a command. name may hold several names joined by "|"; help is its line in the list.
// A name that exists already is replaced. run may take long: it gets a goroutine of its own.
func (c *Commands) Register(name, help string, run func(args []string) string) {
	c.RegisterUsage(name, "", help, run)
}

// RegisterUsage is Register with the arguments as `help <name>` shows them.
func (c *Commands) RegisterUsage(name, args, help string, run func(args []string) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byName == nil {
		c.byName = map[string]*remoteCommand{}
	}
	cmd := &remoteCommand{names: name, args: args, help: help, run: run}
	for _, n := range strings.Split(name, "|") {
		c.byName[n] = cmd
	}
}

// Unregister takes a command back, by all its names.
func (c *Commands) Unregister(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range strings.Split(name, "|") {
		delete(c.byName, n)
	}
}

const helpNames = "help|h|H|Help"

// Run executes a command and returns its text; a panic becomes part of the text.
func (c *Commands) Run(name string, args []string) (text string) {
	switch name {
	case "help", "h", "H", "Help":
		return c.help(args)
	}
	c.mu.RLock()
	cmd := c.byName[name]
	c.mu.RUnlock()
	if cmd == nil {
		return "unknown command '" + name + "'"
	}
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("command '%s' failed: %v\n%s", name, p, debug.Stack())
		}
	}()
	return cmd.run(args)
}

// help is one line per command, sorted by name after help itself, or the usage of one.
func (c *Commands) help(args []string) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	own := &remoteCommand{names: helpNames, args: "[command]", help: "Display help information"}
	if len(args) > 0 {
		cmd := c.byName[args[0]]
		if cmd == nil && strings.Contains("|"+helpNames+"|", "|"+args[0]+"|") {
			cmd = own
		}
		if cmd == nil {
			return "cannot find command '" + args[0] + "'"
		}
		return strings.TrimSuffix(cmd.line()+cmd.names+" "+cmd.args, " ") + "\n"
	}
	lines := make([]string, 0, len(c.byName))
	seen := map[*remoteCommand]bool{}
	for _, cmd := range c.byName {
		if !seen[cmd] {
			seen[cmd] = true
			lines = append(lines, cmd.line())
		}
	}
	sort.Strings(lines)
	return own.line() + strings.Join(lines, "")
}

func (c *remoteCommand) line() string { return c.names + " - " + c.help + "\n" }

// Handle is the Handler of RPC_CLI_CLI_CALL.
func (c *Commands) Handle(r *Request) {
	var ask command.Command
	if err := r.Decode(&ask); err != nil {
		r.ReplyError(base.ErrInvalidData)
		return
	}
	if c.running.Add(1) > CommandsMax {
		c.running.Add(-1)
		r.ReplyError(base.ErrBusy)
		return
	}
	run := func() {
		defer c.running.Add(-1)
		r.ReplyString(c.Run(ask.Cmd, ask.Arguments))
	}
	if c.Go == nil {
		go run()
		return
	}
	c.Go(run)
}
