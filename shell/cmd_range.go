package shell

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pegasus-go/pegasus/client"
)

// delBatch is how many rows one request of multi_del_range removes.
const delBatch = 100

func cmdMultiGetRange(s *session, p *parsed) error {
	r, err := rangeOf(p)
	if err != nil {
		return err
	}
	maxCount, err := p.int32("max_count", -1)
	if err != nil {
		return err
	}
	if err := s.needApp(); err != nil {
		return err
	}
	s.describeRange(r)
	fmt.Fprintf(s.errw, "max_count: %d\nno_value: %t\nreverse: %t\n\n", maxCount, p.has("no_value"), p.has("reverse"))
	return s.multiGet(string(r.hashKey), client.MultiGetOptions{
		Start: r.start, Stop: r.stop, StartExclusive: !r.startIn, StopInclusive: r.stopIn,
		Filter: r.sortKey.server(), MaxCount: max(0, maxCount), NoValue: p.has("no_value"), Reverse: p.has("reverse"),
	})
}

func cmdMultiDelRange(s *session, p *parsed) error {
	r, err := rangeOf(p)
	if err != nil {
		return err
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	s.describeRange(r)
	fmt.Fprintf(s.errw, "silent: %t\n\n", p.has("silent"))
	var n int
	err = s.rowOutput(p, func(w io.Writer) error {
		if p.has("silent") {
			w = io.Discard
		}
		n, err = s.deleteRange(t, r, w)
		return err
	})
	if n > 0 && !p.has("silent") {
		fmt.Fprintln(s.errw)
	}
	if err != nil {
		fmt.Fprintf(s.errw, "ERROR: %s\nTerminated for error, %d sort keys deleted.\n", dataErrorText(err), n)
		return errTold
	}
	fmt.Fprintf(s.errw, "OK, %d sort keys deleted.\n", n)
	return nil
}

func (s *session) deleteRange(t *client.Table, r keyRange, w io.Writer) (deleted int, err error) {
	sc, err := t.HashScanner(r.hashKey, r.start, r.stop, client.ScanOptions{
		StartExclusive: !r.startIn, StopInclusive: r.stopIn, SortKeyFilter: r.sortKey.server(), NoValue: true, BatchSize: delBatch,
	})
	if err != nil {
		return 0, err
	}
	defer sc.Close()
	var lot [][]byte
	for {
		row, ok, err := s.nextRow(sc, s.timeout)
		if err != nil {
			return deleted, err
		}
		if ok {
			lot = append(lot, row.SortKey)
		}
		if len(lot) == delBatch || (!ok && len(lot) > 0) {
			if err := s.deleteLot(t, r.hashKey, lot); err != nil {
				return deleted, err
			}
			for _, k := range lot {
				fmt.Fprintf(w, "Deleted: %s\n", s.bytes(k))
			}
			deleted += len(lot)
			lot = lot[:0]
		}
		if !ok {
			return deleted, nil
		}
	}
}

func (s *session) deleteLot(t *client.Table, hashKey []byte, lot [][]byte) error {
	ctx, cancel := s.dataCtx()
	defer cancel()
	_, err := t.MultiDel(ctx, hashKey, lot)
	return err
}

func (s *session) nextRow(sc *client.Scanner, timeout time.Duration) (client.Row, bool, error) {
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	return sc.Next(ctx)
}

// rowOutput is where rows go: the file of -o, or Err like all that data commands print.
func (s *session) rowOutput(p *parsed, print func(io.Writer) error) error {
	name := p.str("output", "")
	if name == "" {
		return print(s.errw)
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("open filename %s failed: %w", name, err)
	}
	if err := print(f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
