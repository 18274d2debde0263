package shell

import (
	"io"
	"strings"
)

// table is one printed table: a list of keys and values, or titled columns with rows.
type table struct {
	name    string // "" prints no [name] line
	columns []column
	rows    [][]string
	pairs   bool // rows are key and value
}

type column struct {
	title string
	right bool
}

// cellGap is what every cell is padded beyond the longest of its column.
const cellGap = 2

func pairTable(name string) *table { return &table{name: name, pairs: true} }

// columnTable has left-aligned columns; right makes more that are right-aligned.
func columnTable(name string, titles ...string) *table {
	t := &table{name: name}
	for _, title := range titles {
		t.columns = append(t.columns, column{title, false})
	}
	return t
}

func (t *table) right(titles ...string) {
	for _, title := range titles {
		t.columns = append(t.columns, column{title, true})
	}
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// text renders for people. Left-aligned cells are padded to the longest plus two blanks, the last
// column included; right-aligned ones are preceded by the padding; the values of a list are padded
// to the longest one. Scripts rely on it (ops.md 1.3).
func (t *table) text(b *strings.Builder) {
	if t.pairs && len(t.rows) == 0 {
		return // a list of nothing has not even a name
	}
	if t.name != "" {
		b.WriteString("[" + t.name + "]\n")
	}
	if t.pairs {
		t.pairText(b)
		return
	}
	widths := make([]int, len(t.columns))
	title := make([]string, len(t.columns))
	for i, c := range t.columns {
		title[i], widths[i] = c.title, len(c.title)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range append([][]string{title}, t.rows...) {
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]+cellGap-len(cell))
			if t.columns[i].right {
				b.WriteString(gap + cell)
			} else {
				b.WriteString(cell + gap)
			}
		}
		b.WriteByte('\n')
	}
}

func (t *table) pairText(b *strings.Builder) {
	var keyWidth, valueWidth int
	for _, row := range t.rows {
		keyWidth = max(keyWidth, len(row[0]))
		valueWidth = max(valueWidth, len(row[1]))
	}
	for _, row := range t.rows {
		b.WriteString(row[0] + strings.Repeat(" ", keyWidth+cellGap-len(row[0])) + ": ")
		b.WriteString(row[1] + strings.Repeat(" ", valueWidth-len(row[1])) + "\n")
	}
}

// json renders the table's members: every leaf is a string. A row is keyed by its first cell.
func (t *table) json(w *jsonWriter) {
	w.open()
	for _, row := range t.rows {
		w.key(row[0])
		if t.pairs {
			w.text(row[1])
			continue
		}
		w.open()
		for i, cell := range row {
			w.key(t.columns[i].title)
			w.text(cell)
		}
		w.close()
	}
	w.close()
}

// printTable prints a table that stands alone.
func printTable(out io.Writer, t *table, asJSON bool) error {
	var b strings.Builder
	switch {
	case !asJSON:
		t.text(&b)
	case t.name == "", t.pairs && len(t.rows) == 0:
		w := &jsonWriter{b: &b}
		t.json(w)
		b.WriteByte('\n')
	default:
		return printTables(out, []*table{t}, true)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// printTables prints several tables, each followed by an empty line, or one JSON object of all.
func printTables(out io.Writer, tables []*table, asJSON bool) error {
	var b strings.Builder
	if asJSON {
		w := &jsonWriter{b: &b}
		w.open()
		for _, t := range tables {
			w.key(t.name)
			t.json(w)
		}
		w.close()
		b.WriteByte('\n')
	} else {
		for _, t := range tables {
			t.text(&b)
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
