package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/client"
)

const (
	timeoutDefault   = 5000 * time.Millisecond // of data operations
	adminTimeout     = 10 * time.Second        // of one admin RPC
	clusterInfoAsk   = time.Second             // for the name in the banner
	lineBytesMax     = 16 << 20                // of a piped line
	defaultCluster   = "onebox"
	defaultHistory   = ".shell-history"
	historyLinesMax  = 100
	legacyCompatEnv  = "PEGASUS_SHELL_COMPAT"
	legacyCompatText = "2.4"
)

// session is the state that commands share.
type session struct {
	ctx       context.Context
	opts      Options
	out, errw io.Writer
	in        *bufio.Reader
	prompt    func(prompt string) (string, error) // set while interactive
	pending   []string                            // lines of -c not run yet
	fromText  bool
	ended     bool
	failed    bool

	cluster   string
	metas     []string
	cl        *client.Client
	app       string // table in use
	escapeAll bool
	timeout   time.Duration
}

func newSession(ctx context.Context, o Options) (*session, error) {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Err == nil {
		o.Err = io.Discard
	}
	if o.In == nil {
		o.In = strings.NewReader("")
	}
	if os.Getenv(legacyCompatEnv) == legacyCompatText {
		o.Legacy = true
	}
	s := &session{
		ctx: ctx, opts: o, out: o.Out, errw: o.Err, in: bufio.NewReader(o.In), timeout: timeoutDefault,
	}
	name := o.Cluster
	if name == "" {
		name = defaultCluster
	}
	return s, s.connect(name, o.Metas)
}

// connect makes the session one of another cluster; the former one stays when that fails. It
// succeeds when no meta answers: commands will say so.
func (s *session) connect(name string, metas []string) error {
	cl, err := client.New(metas, client.Options{OpTimeout: adminTimeout})
	if err != nil {
		return err
	}
	s.close()
	s.cl, s.cluster, s.metas, s.app = cl, name, metas, ""
	if s.opts.Command == "" {
		ctx, cancel := context.WithTimeout(s.ctx, clusterInfoAsk)
		defer cancel()
		keys, values, err := cl.Admin().ClusterInfo(ctx)
		for i, k := range keys {
			if err == nil && k == "cluster_name" && values[i] != "" {
				s.cluster = values[i]
			}
		}
	}
	return nil
}

func (s *session) close() {
	if s.cl != nil {
		_ = s.cl.Close()
	}
}

func (s *session) admin() *client.Admin { return s.cl.Admin() }

// adminCtx bounds one admin RPC.
func (s *session) adminCtx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, adminTimeout)
}

// dataCtx bounds one data operation by the session's timeout.
func (s *session) dataCtx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, s.timeout)
}

// readLine gets the next line of input: of -c, of the terminal, or of the pipe.
func (s *session) readLine(prompt string) (string, error) {
	switch {
	case s.fromText:
		if len(s.pending) == 0 {
			return "", io.EOF
		}
		line := s.pending[0]
		s.pending = s.pending[1:]
		return line, nil
	case s.prompt != nil:
		return s.prompt(prompt)
	}
	return s.pipeLine()
}

func (s *session) pipeLine() (string, error) {
	var line []byte
	for {
		part, err := s.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(line) <= lineBytesMax:
		case errors.Is(err, bufio.ErrBufferFull):
			return "", fmt.Errorf("a line is longer than %d bytes", lineBytesMax)
		case err != nil && len(line) == 0:
			return "", err
		default:
			return strings.TrimRight(string(line), "\r\n"), nil
		}
	}
}

// confirmTries is how often a y/n question is put before giving up.
const confirmTries = 5

// confirm asks before something dangerous.
func (s *session) confirm(what string) bool {
	question := fmt.Sprintf("PLEASE be CAUTIOUS with this operation ! Are you sure to %s ? [y/n]: ", what)
	for range confirmTries {
		if s.prompt == nil {
			fmt.Fprint(s.out, question)
		}
		line, err := s.readLine(question)
		if err != nil {
			break
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true
		case "n", "no":
			return false
		}
	}
	fmt.Fprintln(s.out, "too many failed attempts, we will stop !")
	return false
}

// table opens the table in use.
func (s *session) table() (*client.Table, error) {
	if s.app == "" {
		fmt.Fprint(s.errw, "No app is using now\nUSAGE: use [app_name]\n")
		return nil, errTold
	}
	ctx, cancel := s.dataCtx()
	defer cancel()
	t, err := s.cl.Open(ctx, s.app)
	if err != nil {
		return nil, s.clientError(err)
	}
	return t, nil
}

// output is where a command's tables go: -o names a file, which is truncated.
func (s *session) output(p *parsed, print func(io.Writer) error) error {
	name := p.str("output", "")
	if name == "" {
		return print(s.out)
	}
	f, err := os.Create(name)
	if err != nil {
		fmt.Fprintf(s.errw, "open filename %s failed: %v\n", name, err)
		return errTold
	}
	if err := print(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func (s *session) bytes(b []byte) string { return `"` + escape(b, s.escapeAll) + `"` }

func (s *session) version() string {
	if s.opts.Version == "" {
		return "dev"
	}
	return s.opts.Version
}
