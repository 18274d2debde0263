package replica

import (
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/rrdb"
)

// opsMax is above every rrdb.Op.
const opsMax = 64

// partitionStats counts what a partition did since it was opened.
type partitionStats struct {
	requests         [opsMax]atomic.Int64
	latencyNs        [opsMax]atomic.Int64
	readBytes        atomic.Int64
	readBusy         atomic.Int64
	writeBusy        atomic.Int64
	throttleDelayed  atomic.Int64
	throttleRejected atomic.Int64
	writeTooLarge    atomic.Int64
	writeInvalid     atomic.Int64
	learnCache       atomic.Int64
	learnLog         atomic.Int64
	learnCheckpoint  atomic.Int64
}

func (s *partitionStats) read(op rrdb.Op, started time.Time, st rrdb.ReadStat) {
	s.requests[op].Add(1)
	s.latencyNs[op].Add(int64(time.Since(started)))
	s.readBytes.Add(int64(st.Bytes))
}

// answered counts a committed write.
func (s *partitionStats) answered(req *rpc.Request) {
	if op, ok := rrdb.OpOf(req.Name); ok {
		s.requests[op].Add(1)
		s.latencyNs[op].Add(int64(time.Since(req.ArrivedAt())))
	}
}
