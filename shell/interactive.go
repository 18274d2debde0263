package shell

import (
	"errors"
	"os"
	"strings"

	"github.com/peterh/liner"
)

// runInteractive reads from the terminal with history and completion until exit, Ctrl-C or Ctrl-D.
func (s *session) runInteractive() {
	term := liner.NewLiner()
	defer term.Close()
	term.SetCtrlCAborts(true)
	term.SetMultiLineMode(true)
	term.SetTabCompletionStyle(liner.TabPrints)
	term.SetCompleter(complete)
	history := s.opts.HistoryFile
	if history == "" {
		history = defaultHistory
	}
	loadHistory(term, history)
	s.prompt = func(prompt string) (string, error) {
		line, err := term.Prompt(prompt)
		if errors.Is(err, liner.ErrNotTerminalOutput) || errors.Is(err, liner.ErrInvalidPrompt) {
			return s.pipeLine()
		}
		return line, err
	}
	for !s.ended && s.ctx.Err() == nil {
		line, err := s.prompt(">>> ")
		if err != nil {
			return
		}
		if strings.TrimSpace(line) != "" {
			term.AppendHistory(line)
			saveHistory(term, history)
		}
		s.execute(line)
	}
}

// complete offers command names for the first word and option names for a word that starts with
// two dashes.
func complete(line string) []string {
	head, last := "", line
	if i := strings.LastIndexByte(line, ' '); i >= 0 {
		head, last = line[:i+1], line[i+1:]
	}
	var out []string
	if strings.TrimSpace(head) == "" {
		for _, name := range commandNames() {
			if strings.HasPrefix(name, strings.ToLower(last)) {
				out = append(out, head+name)
			}
		}
		return out
	}
	c, ok := findCommand(strings.Fields(head)[0])
	if !ok || !strings.HasPrefix(last, "--") {
		return nil
	}
	for _, o := range c.opts {
		if strings.HasPrefix("--"+o.long, last) {
			out = append(out, head+"--"+o.long)
		}
	}
	return out
}

func loadHistory(term *liner.State, name string) {
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = term.ReadHistory(f) // a damaged history is no reason not to start
}

// saveHistory rewrites the file after every line, so that a crash loses nothing; the newest
// historyLinesMax lines stay.
func saveHistory(term *liner.State, name string) {
	var b strings.Builder
	if _, err := term.WriteHistory(&b); err != nil {
		return
	}
	lines := strings.SplitAfter(b.String(), "\n")
	if over := len(lines) - 1 - historyLinesMax; over > 0 {
		lines = lines[over:]
	}
	_ = os.WriteFile(name, []byte(strings.Join(lines, "")), 0o600)
}
