package shell

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/pegasus-go/pegasus/client"
)

// scanPrint is how the scan commands filter and print rows.
type scanPrint struct {
	value    textFilter
	maxCount int64 // -1: no limit
	timeout  time.Duration
	detailed bool
	noValue  bool
}

func (s *session) scanPrintOf(p *parsed) (scanPrint, error) {
	o := scanPrint{detailed: p.has("detailed"), noValue: p.has("no_value")}
	var err error
	if o.value, err = filterOption(p, "value", true); err != nil {
		return o, err
	}
	if o.maxCount, err = p.number("max_count", -1); err != nil {
		return o, err
	}
	o.timeout, err = s.timeoutOption(p)
	return o, err
}

func (s *session) timeoutOption(p *parsed) (time.Duration, error) {
	ms, err := p.number("timeout_ms", s.timeout.Milliseconds())
	if err == nil && ms <= 0 {
		err = fmt.Errorf("invalid timeout_ms param")
	}
	return time.Duration(ms) * time.Millisecond, err
}

func (s *session) describeScan(o scanPrint) {
	s.describe("value", o.value)
	// The key "timout_ms" is misspelt in every release; scripts may know it.
	fmt.Fprintf(s.errw, "max_count: %d\ntimout_ms: %d\ndetailed: %t\nno_value: %t\n\n",
		o.maxCount, o.timeout.Milliseconds(), o.detailed, o.noValue)
}

func cmdHashScan(s *session, p *parsed) error {
	r, err := rangeOf(p)
	if err != nil {
		return err
	}
	o, err := s.scanPrintOf(p)
	if err != nil {
		return err
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	s.describeRange(r)
	s.describeScan(o)
	sc, err := t.HashScanner(r.hashKey, r.start, r.stop, client.ScanOptions{
		StartExclusive: !r.startIn, StopInclusive: r.stopIn, SortKeyFilter: r.sortKey.server(),
		NoValue: o.noValue && o.value.kind == "", BatchSize: batchFor(o),
	})
	if err != nil {
		return s.clientError(err)
	}
	return s.printScan(p, o, textFilter{}, []*client.Scanner{sc})
}

// batchFor asks for no more rows than will be printed.
func batchFor(o scanPrint) int32 {
	if o.maxCount > 0 && o.maxCount < 500 && o.value.kind == "" {
		return int32(o.maxCount)
	}
	return 0
}

func cmdFullScan(s *session, p *parsed) error {
	f, err := tableScanOf(p)
	if err != nil {
		return err
	}
	o, err := s.scanPrintOf(p)
	if err != nil {
		return err
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.errw, "partition: %s\n", f.partitionText())
	s.describe("hash_key", f.hashKey)
	s.describe("sort_key", f.sortKey)
	s.describeScan(o)
	opts := f.options()
	opts.NoValue, opts.BatchSize = o.noValue && o.value.kind == "", batchFor(o)
	scanners, err := f.scanners(t, opts)
	if err != nil {
		return s.clientError(err)
	}
	return s.printScan(p, o, f.sortKey, scanners)
}

// tableScan is the choice of rows of commands that walk a whole table.
type tableScan struct {
	partition        int32 // -1: all
	hashKey, sortKey textFilter
}

func tableScanOf(p *parsed) (f tableScan, err error) {
	if f.partition, err = p.int32("partition", -1); err != nil {
		return f, err
	}
	if p.has("partition") && f.partition < 0 {
		return f, fmt.Errorf("invalid partition param")
	}
	if f.hashKey, err = filterOption(p, "hash_key", false); err != nil {
		return f, err
	}
	f.sortKey, err = filterOption(p, "sort_key", true)
	return f, err
}

func (f tableScan) partitionText() string {
	if f.partition < 0 {
		return "all"
	}
	return strconv.Itoa(int(f.partition))
}

func (f tableScan) options() client.ScanOptions {
	return client.ScanOptions{HashKeyFilter: f.hashKey.server(), SortKeyFilter: f.sortKey.server()}
}

func (f tableScan) scanners(t *client.Table, o client.ScanOptions) ([]*client.Scanner, error) {
	if f.partition < 0 {
		return t.FullScanners(o)
	}
	sc, err := t.PartitionScanner(f.partition, o)
	return []*client.Scanner{sc}, err
}

// printScan walks the scanners one after the other and prints what passes the filters that servers
// cannot apply.
func (s *session) printScan(p *parsed, o scanPrint, sortKey textFilter, scanners []*client.Scanner) error {
	var n int64
	err := s.rowOutput(p, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		defer b.Flush()
		for _, sc := range scanners {
			err := s.walk(sc, o, sortKey, &n, b)
			sc.Close()
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		fmt.Fprintf(s.errw, "ERROR: scan data failed: %s\n", dataErrorText(err))
	}
	if n > 0 && p.str("output", "") == "" {
		fmt.Fprintln(s.errw)
	}
	fmt.Fprintf(s.errw, "%d key-value pairs got.\n", n)
	return told(err)
}

func (s *session) walk(sc *client.Scanner, o scanPrint, sortKey textFilter, n *int64, w io.Writer) error {
	for o.maxCount < 0 || *n < o.maxCount {
		row, ok, err := s.nextRow(sc, o.timeout)
		if err != nil || !ok {
			return err
		}
		if !sortKey.passes(row.SortKey) || !o.value.passes(row.Value) {
			continue
		}
		*n++
		text := s.rowText(row.HashKey, row.SortKey, row.Value, o.noValue)
		if o.detailed {
			text += fmt.Sprintf(" {app_id=%d, partition_index=%d, server=%s}", row.Info.AppID, row.Info.PartitionIndex, row.Info.Server)
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}
