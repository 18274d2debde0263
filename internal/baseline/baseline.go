package baseline

import (
	"bufio"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Update is the command that writes the file anew.
const Update = "make baseline"

const header = `# What operations cost: name, value, tolerance. A measure may exceed its value by the tolerance, which is in the unit
# of the measure. Written by ` + "`" + Update + "`" + `, which keeps the tolerances of the measures it finds here.
`

// Measure is what one operation costs. Tolerance is in the unit of Value, which the end of Name tells.
type Measure struct {
	Name      string
	Value     float64
	Tolerance float64
}

// Parse reads a file of measures. Errors name the line.
func Parse(text string) ([]Measure, error) {
	var all []Measure
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("baseline: line %d has %d fields, want a name, a value and a tolerance", n, len(fields))
		}
		m := Measure{Name: fields[0]}
		for i, to := range []*float64{&m.Value, &m.Tolerance} {
			v, err := strconv.ParseFloat(fields[1+i], 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				return nil, fmt.Errorf("baseline: line %d: %q is not a number of 0 or more", n, fields[1+i])
			}
			*to = v
		}
		if _, twice := find(all, m.Name); twice {
			return nil, fmt.Errorf("baseline: line %d: %s stands there twice", n, m.Name)
		}
		all = append(all, m)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("baseline: read the measures: %w", err)
	}
	return all, nil
}

// Format is the text of a file with what was measured now. Measures that were there keep their tolerances.
func Format(was, now []Measure) string {
	var b strings.Builder
	b.WriteString(header)
	for _, m := range now {
		if old, known := find(was, m.Name); known {
			m.Tolerance = old.Tolerance
		}
		fmt.Fprintf(&b, "%-42s %10s %8s\n", m.Name, text(m.Value), text(m.Tolerance))
	}
	return b.String()
}

// Compare tells what costs more than it may, and what is measured or stored but not both; and, apart from these, what costs
// less by more than the tolerance.
func Compare(was, now []Measure) (wrong, better []string) {
	for _, m := range now {
		old, known := find(was, m.Name)
		switch {
		case !known:
			wrong = append(wrong, fmt.Sprintf("%s is %s and not in the baseline; add it with `%s`", m.Name, text(m.Value), Update))
		case m.Value > old.Value+old.Tolerance:
			wrong = append(wrong, fmt.Sprintf("%s was %s, is %s, may be %s; find out why, or accept it with `%s`",
				m.Name, text(old.Value), text(m.Value), text(old.Value+old.Tolerance), Update))
		case m.Value < old.Value-old.Tolerance:
			better = append(better, fmt.Sprintf("%s was %s, is %s; hold on to it with `%s`", m.Name, text(old.Value), text(m.Value), Update))
		}
	}
	for _, old := range was {
		if _, measured := find(now, old.Name); !measured {
			wrong = append(wrong, fmt.Sprintf("%s is in the baseline and was not measured; if it is gone, drop it with `%s`", old.Name, Update))
		}
	}
	return wrong, better
}

func find(all []Measure, name string) (Measure, bool) {
	i := slices.IndexFunc(all, func(m Measure) bool { return m.Name == name })
	if i < 0 {
		return Measure{}, false
	}
	return all[i], true
}

// text has at most two decimals.
func text(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }
