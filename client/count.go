package client

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// CountData counts the rows of the whole table by scanning it on the servers. Filters of o apply.
func (t *Table) CountData(ctx context.Context, o ScanOptions) (int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var total atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	slots := make(chan struct{}, countInFlightMax)
	for p := range t.PartitionCount() {
		slots <- struct{}{}
		wg.Go(func() {
			n, err := t.CountPartition(ctx, p, o)
			if err != nil {
				once.Do(func() { first = err; cancel() })
			}
			total.Add(n)
			<-slots
		})
	}
	wg.Wait()
	return total.Load(), first
}

// countAttemptsMax bounds how often counting one partition starts over after its context was lost.
const countAttemptsMax = 5

// CountPartition counts the rows of one partition. When the scan context is lost (primary moved),
// it starts over, because a count leaves no key to resume from. Servers that do not know counting
// send the rows instead, which are counted here.
func (t *Table) CountPartition(ctx context.Context, partition int32, o ScanOptions) (int64, error) {
	o.NoValue = true
	for n := 0; ; n++ {
		s, err := t.PartitionScanner(partition, o)
		if err != nil {
			return 0, err
		}
		s.req.OnlyReturnCount = true
		count, lost, err := s.countAll(ctx)
		s.Close()
		if err != nil || !lost {
			return count, err
		}
		if n+1 == countAttemptsMax || !pause(ctx, backoff(n)) {
			return 0, &Error{Op: "count_data", Target: t.core.name, Code: base.ErrTryAgain, Err: ctx.Err()}
		}
	}
}

func (s *Scanner) countAll(ctx context.Context) (count int64, lost bool, err error) {
	for !s.done {
		step, cancel := context.WithTimeout(ctx, s.t.core.c.opts.OpTimeout)
		resp := rrdb.NewScanResponse()
		if s.open {
			lost, err = s.next(step, resp)
		} else {
			err = s.start(step, resp)
		}
		cancel()
		if err != nil || lost {
			return 0, lost, err
		}
		if err := s.take(resp); err != nil {
			return 0, false, err
		}
		if !s.open && !s.done {
			return 0, true, nil
		}
		if resp.IsSetKvCount() {
			count += int64(resp.GetKvCount())
		} else {
			count += int64(len(resp.Kvs))
		}
		s.batch = nil
	}
	return count, false, nil
}
