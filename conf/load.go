package conf

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Bounds of a file and of what is said about it.
const (
	fileBytesMax = 1 << 20
	errorsMax    = 50
)

// KeyError is one thing wrong in a file.
type KeyError struct {
	File    string
	Line    int    // 0 when unknown
	Section string // "" when the problem is the section itself
	Key     string
	Value   string // as far as it is short
	Problem string // what is wrong and what is allowed
}

func (e *KeyError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Section != "" {
		fmt.Fprintf(&b, "[%s] ", e.Section)
	}
	if e.Key != "" {
		b.WriteString(e.Key)
		if e.Value != "" {
			b.WriteString(" = " + e.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

// Load reads a file over the defaults. The error joins everything that is wrong
// in it, in the order of the lines; each part is a *KeyError where a key is to
// blame.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err != nil {
		return nil, err
	}
	if len(b) > fileBytesMax {
		return nil, fmt.Errorf("%s: more than %d bytes", path, fileBytesMax)
	}
	return Parse(path, string(b))
}

// Parse is Load of a text; the name is for messages.
func Parse(name, text string) (*Config, error) {
	var root map[string]any
	if _, err := toml.Decode(text, &root); err != nil {
		return nil, syntaxError(name, text, err)
	}
	l := &loader{c: newConfig(), file: name, lines: indexLines(text)}
	l.walk("", root)
	l.finish()
	if len(l.errs) > 0 {
		return nil, l.joined()
	}
	return l.c, nil
}

func syntaxError(name, text string, err error) error {
	line, problem := 0, err.Error()
	var pe toml.ParseError
	if errors.As(err, &pe) {
		line, problem = pe.Position.Line, pe.Message
	}
	lines := strings.Split(text, "\n")
	if line >= 1 && line <= len(lines) {
		if m := oldSection.FindStringSubmatch(lines[line-1]); m != nil {
			problem = fmt.Sprintf(`TOML wants quotes around such a name: ["%s..%s"]`, m[1], m[2])
		}
	}
	return &KeyError{File: name, Line: line, Problem: problem}
}

type loader struct {
	c        *Config
	file     string
	lines    lineIndex
	errs     []*KeyError
	warnings []warning
	tables   []tableSection // of [meta_server.apps.*]
}

type warning struct {
	line int
	text string
}

func (l *loader) fail(section, key string, value any, format string, args ...any) {
	e := &KeyError{File: l.file, Section: section, Key: key, Problem: fmt.Sprintf(format, args...)}
	if e.Line = l.lines.key(section, key); key == "" {
		e.Line = l.lines.section(section)
	}
	if value != nil {
		if e.Value = fmt.Sprint(value); len(e.Value) > 100 {
			e.Value = e.Value[:100] + "..."
		}
		if _, ok := value.(string); ok {
			e.Value = fmt.Sprintf("%q", e.Value)
		}
	}
	l.errs = append(l.errs, e)
}

func (l *loader) warn(section, key, reason string) {
	line := l.lines.key(section, key)
	where := l.file
	if line > 0 {
		where = fmt.Sprintf("%s:%d", l.file, line)
	}
	l.warnings = append(l.warnings, warning{line, fmt.Sprintf("%s: [%s] %s has no effect: %s", where, section, key, reason)})
}

// walk goes through a table: values are keys of the section, tables sections
// below it.
func (l *loader) walk(section string, table map[string]any) {
	if done := l.special(section, table); done {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		sub, isTable := table[key].(map[string]any)
		switch {
		case isTable:
			l.walk(joinKey(section, key), sub)
		default:
			l.key(section, key, table[key])
		}
	}
	if section != "" && len(table) == 0 && !l.known(section) {
		l.unknownSection(section)
	}
}

// key handles one value.
func (l *loader) key(section, key string, value any) {
	if e := l.c.entry(section, key); e != nil {
		if err := e.setAny(value); err != nil {
			l.fail(section, key, value, "%v", err)
		} else if e.Pending {
			l.warn(section, key, "this version does not use it yet")
		}
		return
	}
	if r, ok := refused[section][key]; ok {
		if value != r.allowed {
			l.fail(section, key, value, "%s; only %v is accepted", r.reason, quoted(r.allowed))
		}
		return
	}
	if reason, ok := meaningless[section][key]; ok {
		l.warn(section, key, reason)
		return
	}
	if reason, ok := meaninglessSection(section); ok && !l.known(section) {
		l.warn(section, key, reason)
		return
	}
	l.unknownKey(section, key)
}

// unquoted is a text that a message shows as it is.
type unquoted string

func quoted(v any) string {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprint(v)
}

func meaninglessSection(section string) (string, bool) {
	for above, reason := range meaninglessSections {
		if section == above || strings.HasPrefix(section, above+".") {
			return reason, true
		}
	}
	return "", false
}

func (l *loader) unknownKey(section, key string) {
	if section == "" {
		l.fail("", key, nil, "stands before the first section")
		return
	}
	if !l.known(section) {
		l.unknownSection(section)
		return
	}
	var here []string
	for _, e := range l.c.entries {
		if e.Section == section {
			here = append(here, e.Name)
		}
	}
	problem := "unknown key"
	if e, ok := l.c.Lookup(key); ok {
		problem += fmt.Sprintf("; it belongs into [%s]", e.Section)
	} else if near, ok := nearest(key, here); ok {
		problem += fmt.Sprintf("; did you mean %s?", near)
	} else if near, ok := nearest(key, slices.Collect(maps.Keys(l.c.byName))); ok {
		problem += fmt.Sprintf("; did you mean %s in [%s]?", near, l.c.byName[near].Section)
	}
	l.fail(section, key, nil, "%s", problem)
}

func (l *loader) known(section string) bool {
	return slices.Contains(l.sections(), section) || meaningless[section] != nil || refused[section] != nil
}

// sections are the names that may stand in brackets and mean something.
func (l *loader) sections() []string {
	out := []string{"pegasus.clusters", "duplication-group", "meta_server.apps.<table>", "block_service.<name>"}
	for _, e := range l.c.entries {
		out = append(out, e.Section)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (l *loader) unknownSection(section string) {
	for _, e := range l.errs {
		if e.Section == section && e.Key == "" {
			return
		}
	}
	problem := "unknown section"
	if near, ok := nearest(section, l.sections()); ok {
		problem += fmt.Sprintf("; did you mean [%s]?", near)
	}
	l.fail(section, "", nil, "%s", problem)
}

// finish checks what needs the whole file.
func (l *loader) finish() {
	l.setTables()
	if len(l.errs) == 0 {
		for _, p := range l.c.checkTogether() {
			var value any
			if e := l.c.entry(p.Section, p.Name); e != nil && l.lines.key(p.Section, p.Name) > 0 {
				value = unquoted(e.Value())
			}
			l.fail(p.Section, p.Name, value, "%s", p.Problem)
		}
	}
	if len(l.errs) == 0 && !l.c.AppsMeta.Run && !l.c.AppsReplica.Run {
		l.errs = append(l.errs, &KeyError{File: l.file, Problem: "no role: neither [apps.meta] nor [apps.replica] is there and runs"})
	}
	slices.SortStableFunc(l.warnings, func(a, b warning) int { return cmp.Compare(a.line, b.line) })
	for _, w := range l.warnings {
		l.c.Warnings = append(l.c.Warnings, w.text)
	}
}

func (l *loader) joined() error {
	slices.SortStableFunc(l.errs, func(a, b *KeyError) int { return cmp.Compare(a.Line, b.Line) })
	var out []error
	for i, e := range l.errs {
		if i == errorsMax {
			out = append(out, fmt.Errorf("%s: and %d more", l.file, len(l.errs)-i))
			break
		}
		out = append(out, e)
	}
	return errors.Join(out...)
}
