package check

import (
	"context"
	"fmt"
	"sort"
)

// drain reads a scanner to its end. It counts only what it ends with, not its thousands of calls.
func (s *Suite) drain(sc Scanner) (hashes, sorts, values []string) {
	for {
		var done bool
		var h, k, v []byte
		err := In(func(ctx context.Context) (err error) { done, h, k, v, err = sc.Next(ctx); return })
		if err != nil {
			s.Must(err, "scanner next")
		}
		if done {
			s.Must(sc.Close(), "close of a finished scanner")
			return
		}
		hashes, sorts, values = append(hashes, string(h)), append(sorts, string(k)), append(values, string(v))
	}
}

func (s *Suite) scan(hash, start, stop string, change func(*ScanOptions)) []string {
	o := newScanOptions()
	if change != nil {
		change(&o)
	}
	var sc Scanner
	s.Must(In(func(ctx context.Context) (err error) {
		sc, err = s.tb.GetScanner(ctx, b(hash), b(start), b(stop), o)
		return
	}), "get_scanner %q %q..%q", hash, start, stop)
	hashes, sorts, _ := s.drain(sc)
	foreign := 0
	for _, h := range hashes {
		if h != hash {
			foreign++
		}
	}
	s.Same(foreign, 0, "rows of other hash keys in a scan of %q", hash)
	return sorts
}

func (s *Suite) scanEmptyTable() {
	s.Section("scans of an empty table", func() {
		scanners, err := s.tb.GetUnorderedScanners(context.Background(), 3, newScanOptions())
		s.Must(err, "get_unordered_scanners")
		for _, sc := range scanners {
			_, rows, _ := s.drain(sc)
			s.Same(len(rows), 0, "rows in an empty table")
		}
		s.Same(len(s.scan("no such hash key", "", "", nil)), 0, "rows of an absent hash key")
	})
}

func (s *Suite) hashKeyScans() {
	var keys []string
	for i := 0; i < 2500; i++ {
		keys = append(keys, fmt.Sprintf("%02d-%04d", i%25, i))
	}
	sort.Strings(keys)
	s.Section("ordered scans", func() {
		for at := 0; at < len(keys); at += 500 {
			s.multiSet("scan", keys[at:at+500], keys[at:at+500])
		}
		s.multiSet("scam", keys[:3], keys[:3])
		s.multiSet("scan2", keys[:3], keys[:3])
		s.Same(s.scan("scan", "", "", nil), keys, "2500 rows in order with the default batches")
		s.Same(s.scan("scan", "", "", func(o *ScanOptions) { o.BatchSize = 7 }), keys, "2500 rows in batches of 7")
		s.Same(s.scan("scan", "", "", func(o *ScanOptions) { o.BatchSize = 5000 }), keys, "2500 rows in batches of 5000")
		s.Same(s.scan("scan", keys[10], keys[20], nil), keys[10:20], "[10, 20)")
		s.Same(s.scan("scan", keys[10], keys[20], func(o *ScanOptions) { o.StartInclusive, o.StopInclusive = false, true }), keys[11:21], "(10, 20]")
		s.Same(s.scan("scan", keys[10], keys[10], func(o *ScanOptions) { o.StopInclusive = true }), keys[10:11], "[10, 10]")
		s.Same(s.scan("scan", "99", "", nil), []string(nil), "a range without rows")
		err := In(func(ctx context.Context) error {
			_, err := s.tb.GetScanner(ctx, b("scan"), b("b"), b("a"), newScanOptions())
			return err
		})
		s.Refused(err, "MUST NOT BE EMPTY", "an inverted range")
	})
	s.Section("scan filters", func() {
		filter := func(t FilterType, pattern string) []string {
			rows := s.scan("scan", "", "", func(o *ScanOptions) {
				o.BatchSize, o.SortKeyFilter = 100, Filter{Type: t, Pattern: b(pattern)}
			})
			if !s.modern { // the client of 2018 repeats a batch that an empty one follows
				sort.Strings(rows)
				rows = compact(rows)
			}
			return rows
		}
		s.Same(filter(MatchPrefix, "07-"), keys[700:800], "sort key prefix")
		s.Same(len(filter(MatchPostfix, "99")), 25, "sort key postfix")
		s.Same(len(filter(MatchAnywhere, "-00")), 100, "sort key anywhere")
		s.Same(filter(MatchAnywhere, "zz"), []string(nil), "no sort key matches")
	})
	s.Section("scan without values", func() {
		o := newScanOptions()
		o.NoValue = true
		sc, err := s.tb.GetScanner(context.Background(), b("scan2"), nil, nil, o)
		s.Must(err, "get_scanner no_value")
		_, sorts, values := s.drain(sc)
		s.Same(sorts, keys[:3], "sort keys")
		s.Same(values, []string{"", "", ""}, "values")
	})
	s.Section("a scanner given up half way", func() {
		o := newScanOptions()
		o.BatchSize = 10
		sc, err := s.tb.GetScanner(context.Background(), b("scan"), nil, nil, o)
		s.Must(err, "get_scanner")
		s.Must(In(func(ctx context.Context) error { _, _, _, _, err := sc.Next(ctx); return err }), "first row")
		_ = sc.Close() // waits for an answer that never comes and says so
		err = In(func(ctx context.Context) error { _, _, _, _, err := sc.Next(ctx); return err })
		s.Refused(err, "closed", "next after close")
		s.Same(s.get("scan", keys[0]), b(keys[0]), "the connection lives on after clear_scanner")
	})
}

// unorderedScans must see each row of the table once, whatever was left by the sections before it.
func (s *Suite) unorderedScans() {
	all := func(split int, change func(*ScanOptions)) map[string]int {
		o := newScanOptions()
		if change != nil {
			change(&o)
		}
		scanners, err := s.tb.GetUnorderedScanners(context.Background(), split, o)
		s.Must(err, "get_unordered_scanners %d", split)
		s.That(len(scanners) <= split, "at most %d scanners: %d", split, len(scanners))
		seen := map[string]int{}
		for _, sc := range scanners {
			hashes, sorts, _ := s.drain(sc)
			for i := range hashes {
				seen[hashes[i]+"\x00"+sorts[i]]++
			}
		}
		return seen
	}
	s.Section("unordered scans", func() {
		for i := 0; i < 200; i++ {
			s.set(fmt.Sprintf("unordered %03d", i), "s", "v")
		}
		one := all(1, nil)
		for key, n := range one {
			if n != 1 {
				s.That(false, "row %q was seen %d times", key, n)
			}
		}
		s.That(len(one) > 3000, "a full scan sees all rows: %d", len(one))
		s.Same(all(3, func(o *ScanOptions) { o.BatchSize = 50 }), one, "three scanners see what one sees")
		s.Same(all(100, nil), one, "more scanners than partitions see what one sees")
		prefix := func(o *ScanOptions) {
			o.HashKeyFilter = Filter{Type: MatchPrefix, Pattern: b("unordered ")}
		}
		s.Same(len(all(4, prefix)), 200, "hash key prefix")
		s.Same(len(all(4, func(o *ScanOptions) {
			o.HashKeyFilter = Filter{Type: MatchPostfix, Pattern: b("d 199")}
		})), 1, "hash key postfix")
		s.Same(len(all(4, func(o *ScanOptions) {
			prefix(o)
			o.SortKeyFilter = Filter{Type: MatchAnywhere, Pattern: b("no")}
		})), 0, "hash key and sort key filter together")
		if s.modern {
			_, err := s.tb.GetUnorderedScanners(context.Background(), 0, newScanOptions())
			s.Refused(err, "maxSplitCount", "no scanners")
		}
	})
}

// compact drops repetitions of neighbours.
func compact(rows []string) (out []string) {
	for i, r := range rows {
		if i == 0 || r != rows[i-1] {
			out = append(out, r)
		}
	}
	return out
}
