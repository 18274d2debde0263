package meta

import "strings"

// What the original prints as tables is JSON over HTTP: every value a string, members in the order
// of the columns, rows keyed by their first column, which they repeat (meta.md 14).

// cell is one member of an object; v is raw JSON.
type cell struct{ k, v string }

// row makes a cell with a text.
func row(k, v string) cell { return cell{k, string(appendJSONText(nil, v))} }

// member makes a cell with an object.
func member(k, v string) cell { return cell{k, v} }

// object joins cells into an object.
func object(cells ...cell) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, c := range cells {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(appendJSONText(nil, c.k))
		b.WriteByte(':')
		b.WriteString(c.v)
	}
	b.WriteByte('}')
	return b.String()
}

// grid is a table of several columns.
type grid struct {
	titles []string
	rows   []cell
}

func (g *grid) add(values ...string) {
	cells := make([]cell, len(values))
	for i, v := range values {
		cells[i] = row(g.titles[i], v)
	}
	g.rows = append(g.rows, member(values[0], object(cells...)))
}

// named puts a grid under a name; a grid without rows is left out.
func named(into []cell, name string, g grid) []cell {
	if len(g.rows) == 0 {
		return into
	}
	return append(into, member(name, object(g.rows...)))
}
