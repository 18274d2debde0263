package client

import (
	"sync"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/rpc"
)

// Done receives the outcome of Table.Go. code is ErrOK or the error left after all retries; body is
// the wrapped response, valid only during the call. It runs on a connection's goroutine and must
// not block; it may call Go again.
type Done func(code base.ErrorCode, body []byte)

// Go sends one operation and returns at once. It costs no goroutine and, while nothing fails, no
// allocation. hash picks the partition: base.KeyHash of the raw key, or base.CRC64 of the hash key.
// body is the argument wrapper (AppendGet, AppendSet, or rpc.AppendValue); it must stay unchanged
// until done runs, because a retry sends it again. timeoutMs bounds the operation with its retries.
// How many are in flight is the caller's to bound.
func (t *Table) Go(op Op, hash uint64, body []byte, timeoutMs int32, done Done) {
	t.GoBatch(nil, op, hash, body, timeoutMs, done)
}

// GoBatch is Go, but the request may wait for b.Flush before it leaves, so that a loop which sends
// many pays one system call per server.
func (t *Table) GoBatch(b *rpc.Batch, op Op, hash uint64, body []byte, timeoutMs int32, done Done) {
	a, _ := asyncCalls.Get().(*asyncCall)
	if a == nil {
		a = new(asyncCall)
		a.onReply = a.reply // bound once, so that sending allocates nothing
	}
	a.core, a.op, a.hash, a.body, a.done = t.core, op, hash, body, done
	a.deadline = time.Now().Add(time.Duration(timeoutMs) * time.Millisecond)
	a.attempts = 0
	a.sendIn(b)
}

// asyncCall is one operation under way; recycled when done.
type asyncCall struct {
	core     *tableCore
	op       Op
	hash     uint64
	body     []byte
	done     Done
	deadline time.Time
	attempts int
	route    *routing // of the current attempt
	onReply  func(base.ErrorCode, []byte)
}

var asyncCalls sync.Pool

func (a *asyncCall) send() { a.sendIn(nil) }

func (a *asyncCall) sendIn(b *rpc.Batch) {
	a.route = a.core.route.Load()
	left := time.Until(a.deadline)
	if left <= 0 {
		go a.finish(base.ErrTimeout, nil) // never inside Go, whose caller may hold locks
		return
	}
	pidx, to := a.route.locate(a.hash)
	if !to.IsValid() {
		go a.reply(base.ErrInvalidState, nil)
		return
	}
	if !opInfo[a.op].atomic {
		left = min(left, a.core.c.opts.AttemptTimeout)
	}
	call := rpc.Call{
		Name: opInfo[a.op].code, Gpid: base.Gpid{AppID: a.route.appID, PartitionIndex: pidx},
		TimeoutMs: clampMs(left), PartitionHash: a.hash, Body: a.body,
	}
	if b != nil {
		a.core.c.pool.GoBatch(b, to, call, a.onReply)
	} else {
		a.core.c.pool.Go(to, call, a.onReply)
	}
}

func (a *asyncCall) reply(code base.ErrorCode, body []byte) {
	if code == base.ErrOK {
		a.finish(code, body)
		return
	}
	re := react(code, opInfo[a.op].atomic)
	var f *refreshFlight
	if re.refresh && a.core.c.life.Err() == nil {
		f = a.core.refresh(a.route)
	}
	wait := backoff(a.attempts)
	a.attempts++
	if !re.retry || a.core.c.opts.NoRetry || time.Until(a.deadline) <= wait || a.core.c.life.Err() != nil {
		a.finish(code, nil)
		return
	}
	if re.refresh {
		go a.resend(f, wait)
		return
	}
	time.AfterFunc(wait, a.send)
}

// resend sends again after the pause, or as soon as the routing names another primary.
func (a *asyncCall) resend(f *refreshFlight, wait time.Duration) {
	over := time.After(wait)
	if f != nil {
		select {
		case <-f.done:
		case <-over:
			a.send()
			return
		}
	}
	if !a.core.moved(a.route, a.hash) {
		<-over
	}
	a.send()
}

// finish recycles the call before telling the caller, who may start the next one from done.
func (a *asyncCall) finish(code base.ErrorCode, body []byte) {
	done := a.done
	a.core, a.body, a.done, a.route = nil, nil, nil, nil
	asyncCalls.Put(a)
	done(code, body)
}
