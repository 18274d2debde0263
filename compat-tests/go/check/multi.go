package check

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

func (s *Suite) count(hash string) int64 {
	var n int64
	s.Must(In(func(ctx context.Context) (err error) { n, err = s.tb.SortKeyCount(ctx, b(hash)); return }), "sortkey_count %q", hash)
	return n
}

func (s *Suite) multiSet(hash string, keys, values []string) {
	s.Must(In(func(ctx context.Context) error { return s.tb.MultiSet(ctx, b(hash), bs(keys...), bs(values...)) }), "multi_set %q", hash)
}

func (s *Suite) multiGet(hash string, keys ...string) map[string]string {
	out := map[string]string{}
	s.Must(In(func(ctx context.Context) error {
		kvs, all, err := s.tb.MultiGet(ctx, b(hash), bs(keys...))
		s.That(err != nil || all, "multi_get %q fetched everything", hash)
		for _, kv := range kvs {
			out[string(kv.SortKey)] = string(kv.Value)
		}
		return err
	}), "multi_get %q", hash)
	return out
}

// keysOf fetches with options and gives the sort keys in the order of the answer.
func (s *Suite) keysOf(hash string, keys []string, o MultiGetOptions) (got []string, all bool) {
	s.Must(In(func(ctx context.Context) error {
		kvs, complete, err := s.tb.MultiGetOpt(ctx, b(hash), bs(keys...), o)
		all, got = complete, sortKeys(kvs)
		return err
	}), "multi_get %q with options", hash)
	return got, all
}

func (s *Suite) rangeOf(hash, start, stop string, o MultiGetOptions) (got []string, all bool) {
	s.Must(In(func(ctx context.Context) error {
		kvs, complete, err := s.tb.MultiGetRangeOpt(ctx, b(hash), b(start), b(stop), o)
		all, got = complete, sortKeys(kvs)
		return err
	}), "multi_get range %q..%q", start, stop)
	return got, all
}

func sortKeys(kvs []KeyValue) []string {
	out := []string{}
	for _, kv := range kvs {
		out = append(out, string(kv.SortKey))
	}
	return out
}

func (s *Suite) multiOps() {
	s.Section("multi_set, multi_get, multi_del, sortkey_count", func() {
		s.Same(s.multiGet("multi"), map[string]string{}, "multi_get of an absent hash key")
		s.Same(s.count("multi"), int64(0), "sortkey_count of an absent hash key")
		s.multiSet("multi", []string{"", "a", "b", "c"}, []string{"empty", "1", "", "3"})
		s.Same(s.count("multi"), int64(4), "sortkey_count")
		s.Same(s.multiGet("multi"), map[string]string{"": "empty", "a": "1", "b": "", "c": "3"}, "all rows")
		s.Same(s.multiGet("multi", "c", "no", "a"), map[string]string{"a": "1", "c": "3"}, "some sort keys, one of them absent")
		s.Same(s.multiGet("multi", "no", "nor"), map[string]string{}, "absent sort keys only")
		s.Must(In(func(ctx context.Context) error { return s.tb.MultiDel(ctx, b("multi"), bs("a", "no", "")) }), "multi_del")
		s.Same(s.multiGet("multi"), map[string]string{"b": "", "c": "3"}, "rows after multi_del")
		s.set("multi", "d", "4")
		s.Same(s.count("multi"), int64(3), "set and multi_set share the hash key")
	})
	s.Section("a large multi_set", func() {
		var keys, values []string
		for i := 0; i < 900; i++ {
			keys = append(keys, fmt.Sprintf("%05d", i))
			values = append(values, strings.Repeat("v", 1000))
		}
		s.multiSet("multi large", keys, values)
		s.Same(s.count("multi large"), int64(900), "sortkey_count of 900 rows")
		got, all := s.keysOf("multi large", nil, MultiGetOptions{MaxFetchCount: 1000, MaxFetchSize: 10 << 20})
		s.Same(got, keys, "900 rows of 1 KB in one multi_get")
		s.That(all, "900 rows of 1 KB are the whole")
	})
}

func (s *Suite) multiGetRanges() {
	keys := []string{"a1", "a2", "b1", "b2", "c1", "c2"}
	unlimited := MultiGetOptions{StartInclusive: true, MaxFetchCount: -1, MaxFetchSize: -1}
	s.Section("multi_get limits", func() {
		s.multiSet("range", keys, keys)
		got, all := s.keysOf("range", nil, MultiGetOptions{MaxFetchCount: 2, MaxFetchSize: -1})
		s.Same(got, keys[:2], "two rows at most")
		s.That(!all, "two of six rows are a part")
		got, all = s.keysOf("range", nil, MultiGetOptions{MaxFetchCount: 2, MaxFetchSize: -1, Reverse: true})
		s.Same(got, keys[4:], "the last two rows, still ascending, when reversed")
		s.That(!all, "the last two of six rows are a part")
		got, all = s.keysOf("range", nil, MultiGetOptions{MaxFetchCount: -1, MaxFetchSize: 8})
		s.That(!all && len(got) > 0 && len(got) < len(keys), "a size limit of 8 bytes cuts: %v", got)
		got, all = s.keysOf("range", nil, unlimited)
		s.Same(got, keys, "no limit")
		s.That(all, "no limit fetches all")
	})
	s.Section("multi_get without values", func() {
		if !s.modern {
			return
		}
		o := unlimited
		o.NoValue = true
		s.Must(In(func(ctx context.Context) error {
			kvs, all, err := s.tb.MultiGetOpt(ctx, b("range"), nil, o)
			s.That(all && len(kvs) == len(keys), "all sort keys")
			for _, kv := range kvs {
				s.Same(kv.Value, b(""), "value of %q", kv.SortKey)
			}
			return err
		}), "multi_get no_value")
	})
	s.Section("multi_get ranges", func() {
		for _, c := range []struct {
			start, stop  string
			first, last  bool
			reverse      bool
			want         []string
			explainRange string
		}{
			{"a2", "c1", true, false, false, keys[1:4], "[a2, c1)"},
			{"a2", "c1", false, true, false, keys[2:5], "(a2, c1]"},
			{"a2", "a2", true, true, false, keys[1:2], "[a2, a2]"},
			{"a2", "a2", true, false, false, nil, "[a2, a2)"},
			{"c", "a", true, true, false, nil, "an inverted range"},
			{"b", "", true, false, false, keys[2:], "[b, end)"},
			{"", "b", true, false, false, keys[:2], "[begin, b)"},
			{"a2", "c1", true, true, true, keys[1:5], "[a2, c1] reversed"},
			{"x", "z", true, true, false, nil, "a range without rows"},
		} {
			o := MultiGetOptions{StartInclusive: c.first, StopInclusive: c.last, Reverse: c.reverse, MaxFetchCount: -1, MaxFetchSize: -1}
			got, all := s.rangeOf("range", c.start, c.stop, o)
			s.Same(got, append([]string{}, c.want...), c.explainRange)
			s.That(all, "%s is complete", c.explainRange)
		}
		s.Must(In(func(ctx context.Context) error {
			kvs, all, err := s.tb.MultiGetRange(ctx, b("range"), b("a2"), b("b2"))
			s.Same(sortKeys(kvs), keys[1:3], "defaults of MultiGetRange: [a2, b2)")
			s.That(all, "MultiGetRange is complete")
			return err
		}), "multi_get range with defaults")
	})
	s.Section("multi_get filters", func() {
		for _, c := range []struct {
			filter Filter
			want   []string
		}{
			{Filter{Type: MatchPrefix, Pattern: b("b")}, keys[2:4]},
			{Filter{Type: MatchPostfix, Pattern: b("2")}, []string{"a2", "b2", "c2"}},
			{Filter{Type: MatchAnywhere, Pattern: b("1")}, []string{"a1", "b1", "c1"}},
			{Filter{Type: MatchAnywhere, Pattern: b("zz")}, nil},
			{Filter{Type: MatchPrefix, Pattern: b("")}, keys},
			{Filter{Type: NoFilter, Pattern: b("a")}, keys},
		} {
			o := unlimited
			o.SortKeyFilter = c.filter
			got, all := s.rangeOf("range", "", "", o)
			s.Same(got, append([]string{}, c.want...), "filter %d %q", c.filter.Type, c.filter.Pattern)
			s.That(all, "filter %d is complete", c.filter.Type)
		}
		o := unlimited
		o.SortKeyFilter = Filter{Type: MatchPostfix, Pattern: b("2")}
		o.MaxFetchCount, o.Reverse = 2, true
		got, all := s.rangeOf("range", "", "", o)
		s.Same(got, []string{"b2", "c2"}, "filter, limit and reverse")
		s.That(!all, "filter with a limit is a part")
	})
	s.Section("multi_get of large values", func() {
		big := string(bytes.Repeat([]byte("y"), 100<<10))
		s.multiSet("range large", []string{"1", "2", "3", "4", "5"}, []string{big, big, big, big, big})
		got, all := s.keysOf("range large", nil, MultiGetOptions{MaxFetchCount: 100, MaxFetchSize: 250 << 10})
		s.That(!all && len(got) >= 2 && len(got) <= 3, "250 KiB at most: got %v", got)
		got, all = s.keysOf("range large", nil, MultiGetOptions{MaxFetchCount: 100, MaxFetchSize: 1 << 20})
		s.That(all && len(got) == 5, "1 MiB at most: got %v", got)
	})
}

func (s *Suite) batchGet(g BatchGetter) {
	s.Section("batch_get", func() {
		var keys []CompositeKey
		var want [][]byte
		for i := 0; i < 40; i++ {
			h, v := fmt.Sprintf("batch %d", i), fmt.Sprintf("v%d", i)
			keys = append(keys, CompositeKey{HashKey: b(h), SortKey: b("s")})
			if i%3 == 0 {
				want = append(want, nil)
				continue
			}
			s.set(h, "s", v)
			want = append(want, b(v))
		}
		s.Must(In(func(ctx context.Context) error {
			got, err := g.BatchGet(ctx, keys)
			s.Same(got, want, "values in the order of the keys, nil for absent rows")
			return err
		}), "batch_get")
		_, err := g.BatchGet(context.Background(), nil)
		s.Refused(err, "must not be nil", "batch_get of nothing")
		err = In(func(ctx context.Context) error {
			got, err := g.BatchGet(ctx, []CompositeKey{keys[1], {HashKey: nil, SortKey: b("s")}})
			s.Same(got, [][]byte{want[1], nil}, "a part of the answer beside an error")
			return err
		})
		s.Refused(err, "hashkey must not be nil", "batch_get with one bad key")
	})
}
