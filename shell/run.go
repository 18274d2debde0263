package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Options of Run.
type Options struct {
	Metas   []string // "host:port" of the meta servers
	Cluster string   // name shown until the cluster tells its own; default "onebox"
	// Clusters are names that `cc` can switch to, with their metas.
	Clusters map[string][]string
	// Command is run instead of reading In: commands separated by line ends or "; ".
	Command     string
	In          io.Reader
	Out, Err    io.Writer
	Interactive bool // In is a terminal: line editing, history, completion, prompt
	// Strict makes commands from a pipe count for the exit code too; -c always does.
	Strict bool
	// Legacy prints remote_command as releases up to 2.4 did (also: PEGASUS_SHELL_COMPAT=2.4).
	Legacy      bool
	HistoryFile string // default ".shell-history" in the working directory
	Version     string // of this build, e.g. "0.1.0 (abcdef) release"
}

// Exit codes of Run.
const (
	ExitOK     = 0
	ExitFailed = 1 // a command failed (with Command or Strict)
	ExitUsage  = 2 // it could not start
)

// Run is the whole shell; it returns the exit code. Commands read from a pipe never make it fail
// unless Strict is set, as scripts expect.
func Run(ctx context.Context, o Options) int {
	s, err := newSession(ctx, o)
	if err != nil {
		fmt.Fprintf(o.Err, "ERROR: %v\n", err)
		return ExitUsage
	}
	defer s.close()
	if o.Command != "" {
		s.runText(o.Command)
		return s.exitCode(true)
	}
	s.banner()
	if o.Interactive {
		s.runInteractive()
		return ExitOK
	}
	s.runPipe()
	return s.exitCode(o.Strict)
}

func (s *session) exitCode(strict bool) int {
	if strict && s.failed {
		return ExitFailed
	}
	return ExitOK
}

func (s *session) banner() {
	fmt.Fprintf(s.out, "Pegasus Shell %s\n", s.version())
	fmt.Fprint(s.out, "Type \"help\" for more information.\n"+
		"Type \"Ctrl-D\" or \"Ctrl-C\" to exit the shell.\n\n")
	s.printCluster()
}

func (s *session) printCluster() {
	fmt.Fprintf(s.out, "The cluster name is: %s\nThe cluster meta list is: %s\n", s.cluster, strings.Join(s.metas, ","))
}

// runText runs the commands of -c; lines a command asks for come from the same text.
func (s *session) runText(text string) {
	s.pending = splitCommands(text)
	s.fromText = true
	s.runPipe()
}

// runPipe runs line after line until the input or the session ends.
func (s *session) runPipe() {
	for !s.ended && s.ctx.Err() == nil {
		line, err := s.readLine("")
		if err != nil {
			return
		}
		s.execute(line)
	}
}

// execute runs one line. Nothing it meets ends the shell but exit.
func (s *session) execute(line string) {
	words, err := splitWords(line)
	if err != nil {
		fmt.Fprintln(s.out, err)
		s.failed = true
		return
	}
	if len(words) == 0 {
		return
	}
	if !s.dispatch(words) {
		s.failed = true
	}
}

var (
	errUsage = errors.New("usage")  // print the command's usage
	errTold  = errors.New("failed") // already told; only the exit code is left to set
)

// dispatch finds and runs a command and reports whether it succeeded.
func (s *session) dispatch(words []string) (ok bool) {
	c, found := findCommand(words[0])
	if !found {
		s.unknown(words[0])
		return false
	}
	defer func() {
		if r := recover(); r != nil { // a defect of a command must not take the session along
			fmt.Fprintf(s.errw, "ERROR: internal error in %s: %v\n", c.name, r)
			ok = false
		}
	}()
	args, err := parseArgs(c.opts, words[1:])
	if err == nil && (len(args.pos) < c.min || (c.max >= 0 && len(args.pos) > c.max)) {
		err = errUsage
	}
	if err == nil {
		err = c.run(s, args)
	}
	switch {
	case err == nil:
		return true
	case errors.Is(err, errTold):
	case errors.Is(err, errUsage):
		s.usage(c)
	default:
		fmt.Fprintf(s.errw, "ERROR: %v\n", err)
	}
	return false
}

func (s *session) usage(c command) {
	fmt.Fprintf(s.out, "USAGE: %s\n", c.usageText())
}

func (s *session) unknown(name string) {
	fmt.Fprintf(s.out, "ERROR: invalid subcommand '%s'\n", name)
	if best := nearest(name, commandNames()); best != "" {
		fmt.Fprintf(s.out, "Did you mean '%s'? ", best)
	}
	fmt.Fprintln(s.out, "Type \"help\" for the list of commands.")
}
