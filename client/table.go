package client

import (
	"context"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/rpc"
)

// Table is a handle on one table; it is safe for concurrent use (except one made by Observe).
type Table struct {
	core *tableCore
	info *Info
}

// Info tells how an operation was served: the fields every data response carries, and what it took.
type Info struct {
	Attempts       int // requests sent, or not sent because nobody was known to serve; set when the operation fails, too
	AppID          int32
	PartitionIndex int32
	Decree         int64  // writes only
	Server         string // "host:port" of the primary
}

// Observe returns a handle whose single-partition operations note into info where they were
// served. Such a handle belongs to one goroutine.
func (t *Table) Observe(info *Info) *Table { return &Table{core: t.core, info: info} }

// Name is the table's name.
func (t *Table) Name() string { return t.core.name }

// AppID is the table's id as of the latest routing.
func (t *Table) AppID() int32 { return t.core.route.Load().appID }

// PartitionCount is the number of partitions as of the latest routing.
func (t *Table) PartitionCount() int32 { return int32(len(t.core.route.Load().parts)) }

// Primary is the server believed to be primary of a partition; the zero address when unknown.
func (t *Table) Primary(partition int32) base.RPCAddress {
	parts := t.core.route.Load().parts
	if partition < 0 || int(partition) >= len(parts) {
		return base.RPCAddress{}
	}
	return parts[partition].primary
}

// Refresh fetches the routing now.
func (t *Table) Refresh(ctx context.Context) error {
	ctx, cancel := t.core.c.bound(ctx)
	defer cancel()
	f := t.core.refresh(t.core.route.Load())
	if f == nil {
		return nil
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return &Error{Op: "query_cfg", Target: t.core.name, Code: base.ErrTimeout, Err: ctx.Err()}
	}
}

// argID is the field id of a call's argument in the table's dialect.
func (t *Table) argID() int16 { return argID(t.core.c.opts.Dialect) }

func argID(d rpc.Dialect) int16 {
	if d == rpc.Native {
		return 0
	}
	return 1
}

// do runs one operation on the partition that `hash` falls into, with the reactions of reaction.go,
// and decodes the answer into resp. resp.error is the caller's to judge.
func (t *Table) do(ctx context.Context, op Op, hash uint64, req, resp thrift.TStruct) error {
	return t.doBody(ctx, op, hash, rpc.AppendValue(nil, t.argID(), req), resp)
}

func (t *Table) doBody(ctx context.Context, op Op, hash uint64, body []byte, resp thrift.TStruct) error {
	ctx, cancel := t.core.c.bound(ctx)
	defer cancel()
	for n := 0; ; n++ {
		t.count(n + 1)
		route := t.core.route.Load()
		code := t.attempt(ctx, route, op, hash, body, resp)
		if code == base.ErrOK {
			return nil
		}
		re := react(code, opInfo[op].atomic)
		fail := &Error{Op: op.String(), Target: t.core.name, Code: code, Err: ctx.Err()}
		var f *refreshFlight
		if re.refresh {
			f = t.core.refresh(route)
		}
		if !re.retry || t.core.c.opts.NoRetry || ctx.Err() != nil {
			return fail
		}
		if f != nil {
			select {
			case <-f.done:
			case <-ctx.Done():
				return fail
			}
			if f.gone() {
				fail.Code = base.ErrObjectNotFound
				return fail
			}
		}
		if re.refresh && t.core.moved(route, hash) {
			continue
		}
		if !pause(ctx, backoff(n)) {
			fail.Err = ctx.Err()
			return fail
		}
	}
}

// attempt sends the request once.
func (t *Table) attempt(ctx context.Context, r *routing, op Op, hash uint64, body []byte, resp thrift.TStruct) base.ErrorCode {
	pidx, to := r.locate(hash)
	if !to.IsValid() {
		return base.ErrInvalidState
	}
	timeoutMs := remainingMs(ctx)
	if !opInfo[op].atomic {
		timeoutMs = min(timeoutMs, clampMs(t.core.c.opts.AttemptTimeout))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(timeoutMs)*time.Millisecond)
	defer cancel()
	call := rpc.Call{
		Name: op.TaskCode(), Gpid: base.Gpid{AppID: r.appID, PartitionIndex: pidx},
		TimeoutMs: timeoutMs, PartitionHash: hash, Body: body,
	}
	return codeOfCall(t.core.c.pool.Call(ctx, to, call, resp))
}

// status turns the `error` field of a response into an error; StatusOK gives nil.
func (t *Table) status(op Op, st int32) error {
	if st == 0 {
		return nil
	}
	return &Error{Op: op.String(), Target: t.core.name, Code: base.ErrOK, Status: Status(st)}
}

func (t *Table) refuse(op Op, why string) error {
	return &Error{Op: op.String(), Target: t.core.name, Code: base.ErrInvalidParameters, Hint: why}
}

// note records where an operation was served.
func (t *Table) note(appID, pidx int32, decree int64, server string) {
	if t.info != nil {
		*t.info = Info{t.info.Attempts, appID, pidx, decree, server}
	}
}

func (t *Table) count(attempts int) {
	if t.info != nil {
		t.info.Attempts = attempts
	}
}
