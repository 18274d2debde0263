package shell

import (
	"bytes"
	"encoding/json"
	"strings"
)

// jsonWriter prints objects of strings, members in the order given, four blanks a level, as the
// established shell does: {} for an object without members.
type jsonWriter struct {
	b     *strings.Builder
	depth int
	empty bool // the innermost object has no member yet
}

func (w *jsonWriter) open() {
	w.b.WriteByte('{')
	w.depth++
	w.empty = true
}

func (w *jsonWriter) close() {
	w.depth--
	if !w.empty {
		w.newline()
	}
	w.b.WriteByte('}')
	w.empty = false
}

func (w *jsonWriter) key(k string) {
	if !w.empty {
		w.b.WriteByte(',')
	}
	w.empty = false
	w.newline()
	w.text(k)
	w.b.WriteString(": ")
}

func (w *jsonWriter) text(s string) { w.b.WriteString(quoteJSON(s)) }

func (w *jsonWriter) newline() {
	w.b.WriteByte('\n')
	w.b.WriteString(strings.Repeat("    ", w.depth))
}

// quoteJSON leaves <, > and & alone, unlike encoding/json by default.
func quoteJSON(s string) string { return strings.TrimSuffix(encodeJSON(s, ""), "\n") }

// encodeJSON renders any value; map keys come out sorted.
func encodeJSON(v any, indent string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return "null\n"
	}
	return b.String()
}
