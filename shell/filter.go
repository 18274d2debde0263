package shell

import (
	"bytes"
	"fmt"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// textFilter is a filter option pair: type and pattern. kind "" lets everything pass.
type textFilter struct {
	kind    string // anywhere, prefix, postfix, exact
	pattern []byte
}

// filterOption reads --<what>_filter_type and _pattern. "exact" is for filters the shell applies
// itself.
func filterOption(p *parsed, what string, exact bool) (textFilter, error) {
	f := textFilter{p.str(what+"_filter_type", ""), []byte(p.str(what+"_filter_pattern", ""))}
	switch f.kind {
	case "", "anywhere", "prefix", "postfix":
	case "exact":
		if !exact {
			return f, fmt.Errorf("invalid %s_filter_type param", what)
		}
	default:
		return f, fmt.Errorf("invalid %s_filter_type param", what)
	}
	if f.kind == "" && len(f.pattern) > 0 {
		return f, fmt.Errorf("%s_filter_type is not given", what)
	}
	return f, nil
}

// server is the part that servers can do; they know no "exact", a prefix comes closest.
func (f textFilter) server() client.Filter {
	types := map[string]rrdb.FilterType{
		"anywhere": rrdb.FilterType_FT_MATCH_ANYWHERE,
		"prefix":   rrdb.FilterType_FT_MATCH_PREFIX,
		"postfix":  rrdb.FilterType_FT_MATCH_POSTFIX,
		"exact":    rrdb.FilterType_FT_MATCH_PREFIX,
	}
	return client.Filter{Type: types[f.kind], Pattern: f.pattern}
}

// passes applies the filter here.
func (f textFilter) passes(b []byte) bool {
	switch f.kind {
	case "anywhere":
		return bytes.Contains(b, f.pattern)
	case "prefix":
		return bytes.HasPrefix(b, f.pattern)
	case "postfix":
		return bytes.HasSuffix(b, f.pattern)
	case "exact":
		return bytes.Equal(b, f.pattern)
	}
	return true
}

// describe prints the filter as the headers of range commands do: one line, two when it is set.
func (s *session) describe(what string, f textFilter) {
	if f.kind == "" {
		fmt.Fprintf(s.errw, "%s_filter_type: no_filter\n", what)
		return
	}
	fmt.Fprintf(s.errw, "%s_filter_type: %s\n%s_filter_pattern: %s\n", what, f.kind, what, s.bytes(f.pattern))
}

// keyRange is what the range commands have in common.
type keyRange struct {
	hashKey, start, stop []byte
	startIn, stopIn      bool
	sortKey              textFilter
}

func rangeOf(p *parsed) (keyRange, error) {
	r := keyRange{hashKey: []byte(p.arg(0)), start: []byte(p.arg(1)), stop: []byte(p.arg(2))}
	var err error
	if r.startIn, err = p.boolean("start_inclusive", true); err != nil {
		return r, err
	}
	if r.stopIn, err = p.boolean("stop_inclusive", false); err != nil {
		return r, err
	}
	r.sortKey, err = filterOption(p, "sort_key", false)
	return r, err
}

func (s *session) describeRange(r keyRange) {
	fmt.Fprintf(s.errw, "hash_key: %s\nstart_sort_key: %s\nstart_inclusive: %t\nstop_sort_key: %s\nstop_inclusive: %t\n",
		s.bytes(r.hashKey), s.bytes(r.start), r.startIn, s.bytes(r.stop), r.stopIn)
	s.describe("sort_key", r.sortKey)
}
