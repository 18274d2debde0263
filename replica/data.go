package replica

import (
	"errors"
	"runtime/debug"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/admission"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/rrdb"
)

// writeCodes are the task codes that may stand in a mutation.
var writeCodes = map[string]string{}

func init() {
	for _, op := range []rrdb.Op{
		rrdb.OpPut, rrdb.OpMultiPut, rrdb.OpRemove, rrdb.OpMultiRemove, rrdb.OpIncr,
		rrdb.OpCheckAndSet, rrdb.OpCheckAndMutate, rrdb.OpDuplicate, rrdb.OpEmpty,
	} {
		writeCodes[op.TaskCode()] = op.TaskCode()
	}
}

// onStorage is every request of a client for a partition. It runs on the connection's goroutine.
func (s *Server) onStorage(req *rpc.Request) {
	op, ok := rrdb.OpOf(req.Name)
	if !ok {
		req.ReplyError(base.ErrHandlerNotFound)
		return
	}
	p := s.partition(req.Gpid)
	if p == nil {
		if op == rrdb.OpClearScanner {
			req.Drop()
			return
		}
		req.ReplyError(base.ErrObjectNotFound)
		return
	}
	if s.denyClients.Load() {
		req.Drop()
		return
	}
	if op.IsWrite() {
		p.write(op, req)
		return
	}
	p.read(op, req)
}

// write admits a write to the partition's loop; the order of the checks is that of replica.md 12.1.
func (p *partition) write(op rrdb.Op, req *rpc.Request) {
	g, v := p.gates.Load(), p.view.Load()
	if op == rrdb.OpEmpty {
		req.ReplyError(base.ErrHandlerNotFound)
		return
	}
	if g.denied(req, true) {
		return
	}
	if limit := p.srv.opts.WriteBytesMax; limit > 0 && req.WireLength > limit {
		p.stats.writeTooLarge.Add(1)
		p.log.Warn("write refused: too large", "op", req.Name, "bytes", req.WireLength, "limit", limit, "from", req.RemoteAddr())
		req.ReplyError(base.ErrInvalidData)
		return
	}
	if code := p.misrouted(g, req); code != base.ErrOK {
		req.ReplyError(code)
		return
	}
	if v.writes != base.ErrOK {
		p.refuseByRole(req, v.writes)
		return
	}
	if p.srv.opts.RejectWriteWhenDiskFull && !p.srv.disks.Writable(p.dir) {
		req.ReplyError(base.ErrDiskInsufficient)
		return
	}
	if _, err := rrdb.ValidateWrite(op, req.Body, req.PartitionHash); err != nil {
		code := base.ErrInvalidData
		errors.As(err, &code)
		p.stats.writeInvalid.Add(1)
		p.log.Debug("write refused", "op", req.Name, "from", req.RemoteAddr(), "err", err)
		req.ReplyError(code)
		return
	}
	bytes := len(req.Body)
	if p.srv.writeBytes.Add(int64(bytes)) > p.srv.opts.WriteBytesWaitingMax {
		p.srv.writeBytes.Add(-int64(bytes))
		p.stats.writeBusy.Add(1)
		req.ReplyError(base.ErrCapacityExceeded)
		return
	}
	if g.throttles != nil {
		d := g.throttles.Write(p.srv.host.Now(), int64(req.WireLength), req.TimeoutMs)
		if d.Verdict == admission.Reject {
			p.srv.writeBytes.Add(-int64(bytes))
		}
		if !p.throttle(d, req, false, func() { p.enqueueWrite(op, req, bytes) }) {
			return
		}
	}
	p.enqueueWrite(op, req, bytes)
}

// enqueueWrite hands an admitted write, whose bytes are counted already, to the loop, where the role
// is looked at again.
func (p *partition) enqueueWrite(op rrdb.Op, req *rpc.Request, bytes int) {
	req.Keep()
	write := pacifica.Write{Update: pacifica.Update{Code: op.TaskCode(), Body: req.Body}}
	if !p.mail.put(item{event: write, req: req, bytes: bytes}) {
		p.srv.writeBytes.Add(-int64(bytes))
		req.ReplyError(base.ErrObjectNotFound)
	}
}

// misrouted tells a client with an outdated partition count, on tables that were split.
func (p *partition) misrouted(g *gates, req *rpc.Request) base.ErrorCode {
	if !g.envs.ValidatePartitionHash || g.partitionCount <= 0 {
		return base.ErrOK
	}
	if base.PartitionIndex(req.PartitionHash, g.partitionCount) != p.gpid.PartitionIndex {
		return base.ErrParentPartitionMisused
	}
	return base.ErrOK
}

// read answers a read: short ones at once, long ones on a worker.
func (p *partition) read(op rrdb.Op, req *rpc.Request) {
	g := p.gates.Load()
	if op != rrdb.OpClearScanner {
		if g.denied(req, false) {
			return
		}
		if code := p.misrouted(g, req); code != base.ErrOK {
			req.ReplyError(code)
			return
		}
		if code := p.readRefusal(req.Backup); code != base.ErrOK {
			p.refuseByRole(req, code)
			return
		}
		if g.throttles != nil {
			now := p.srv.host.Now()
			if !p.throttle(g.throttles.Read(now, req.Backup, req.TimeoutMs), req, req.Backup, func() { p.startRead(op, req, g) }) {
				return
			}
			if !g.throttles.ReadAllowed(now) {
				p.stats.throttleRejected.Add(1)
				req.ReplyError(base.ErrBusy)
				return
			}
		}
	}
	p.startRead(op, req, g)
}

// keptBodyBytes may be kept of a read's request whatever else waits; a larger one (many sort keys) is refused as busy while the server is full.
const keptBodyBytes = 64 << 10

func (p *partition) startRead(op rrdb.Op, req *rpc.Request, g *gates) {
	if !op.IsLong() {
		p.serveRead(op, req, g)
		return
	}
	if len(req.Body) > keptBodyBytes && p.srv.rpc.Full() {
		p.stats.readBusy.Add(1)
		req.ReplyError(base.ErrBusy)
		return
	}
	req.Keep()
	if !p.srv.readers.run(func() { p.serveRead(op, req, g) }) {
		p.stats.readBusy.Add(1)
		req.ReplyError(base.ErrBusy)
	}
}

// readRefusal says why the role does not allow a read, ErrOK when it does.
func (p *partition) readRefusal(backup bool) base.ErrorCode {
	v := p.view.Load()
	if backup {
		if v.status == pacifica.Primary || v.status == pacifica.Secondary {
			return base.ErrOK
		}
		return base.ErrInvalidState
	}
	if !v.reads || !p.srv.lease.holds(v.term, p.srv.monoMs()) {
		return base.ErrInvalidState
	}
	return base.ErrOK
}

// serveRead runs the read and answers, unless role or lease ended while it ran.
func (p *partition) serveRead(op rrdb.Op, req *rpc.Request, g *gates) {
	store := p.store.Load()
	if store == nil {
		req.ReplyError(base.ErrInvalidState)
		return
	}
	rc := rrdb.ReadContext{Now: base.EpochSeconds(p.srv.host.Now()), PartitionVersion: g.partitionCount - 1, ValidateHash: g.envs.ValidatePartitionHash}
	if op == rrdb.OpClearScanner {
		_, _ = store.Read(op, req.Body, nil, rc)
		req.Drop()
		return
	}
	if op.IsLong() {
		rc.ResponseBytesMax = p.srv.answers.reserve(p.srv.rpc.OutBufferBytes())
		defer p.srv.answers.release(rc.ResponseBytesMax)
	}
	backup, started := req.Backup, req.ArrivedAt()
	var st rrdb.ReadStat
	req.ReplyTry(func(out []byte) (res []byte, code base.ErrorCode) {
		defer func() { // this may not be the connection's goroutine, which looks after its own
			if r := recover(); r != nil {
				p.log.Error("read panicked", "op", op.TaskCode(), "panic", r, "stack", string(debug.Stack()))
				res, code = out, base.ErrUnknown
			}
		}()
		res, st = store.Read(op, req.Body, out, rc)
		if st.Err != base.ErrOK {
			return res, st.Err
		}
		return res, p.readRefusal(backup)
	})
	p.stats.read(op, started, st)
	if g.throttles != nil {
		g.throttles.ReadDone(p.srv.host.Now(), int64(st.Bytes))
	}
	if st.StorageErr != nil && (rrdb.IsCorruption(st.StorageErr) || rrdb.IsIO(st.StorageErr)) {
		p.log.Error("read", "op", op.TaskCode(), "err", st.StorageErr)
		p.post(pacifica.Failed{Err: st.StorageErr})
	}
}
