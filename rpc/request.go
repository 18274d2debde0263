package rpc

import (
	"sync/atomic"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Request is one call that came in. Exactly one of Reply, ReplyBytes, ReplyAppend, ReplyTry,
// ReplyError, ReplyForward and Drop is called on it, from any goroutine; after that the Request
// belongs to somebody else and must not be touched.
type Request struct {
	Name             string // task code, e.g. RPC_RRDB_RRDB_GET
	Gpid             base.Gpid
	TimeoutMs        int32 // what the client said it will wait; 0 when it did not say
	PartitionHash    uint64
	Backup           bool            // a secondary may answer
	OneWay           bool            // TMessage type ONEWAY: answers are not sent
	ForwardSupported bool            // native only
	Dialect          Dialect         // how it came
	From             base.RPCAddress // native: the sender's listening address; THFT: invalid
	WireLength       int             // bytes of the body as sent; for THFT with the TMessage begin

	// Body is the wrapper {id: value} STOP, for native whatever the body was. It is part of the
	// connection's read buffer and valid until the handler returns, unless Keep was called.
	Body []byte

	method  *method
	session *session // nil when there is direct
	direct  *direct
	cost    int // what it counts in session.held
	seq     uint64
	arrived time.Time
	batch   *Batch
	state   atomic.Uint64 // generation<<1, lowest bit: answered
	header  [nativeHeader]byte
}

// Keep copies Body, so that it outlives the handler. The copy is never reused: it also outlives the
// Request for whoever still holds the slice.
func (r *Request) Keep() { r.Body = append(make([]byte, 0, len(r.Body)), r.Body...) }

// Decode reads the argument from Body. Byte strings of v are copies.
func (r *Request) Decode(v thrift.TStruct) error {
	_, err := ReadValue(r.Body, v)
	return err
}

// RemoteAddr is the "ip:port" the connection comes from.
func (r *Request) RemoteAddr() string {
	if r.direct != nil {
		return r.direct.remote
	}
	return r.session.remote
}

func (r *Request) log(what string) {
	if r.direct != nil {
		r.direct.srv.warn(what, "rpc", r.Name, "peer", r.direct.remote)
		return
	}
	r.session.log(what, "rpc", r.Name)
}

// ArrivedAt is when the request was read from the socket.
func (r *Request) ArrivedAt() time.Time { return r.arrived }

// DeferFlush lets the answer wait for b.Flush before it is sent.
func (r *Request) DeferFlush(b *Batch) { r.batch = b }

// Reply answers ERR_OK with v in the wrapper of a result. A v that cannot be encoded is answered
// ERR_INVALID_DATA.
func (r *Request) Reply(v thrift.TStruct) {
	r.ReplyTry(func(out []byte) ([]byte, base.ErrorCode) {
		res, err := appendValue(out, FieldNative, v)
		if err != nil {
			r.log("result cannot be encoded: " + err.Error())
			return out, base.ErrInvalidData
		}
		return res, base.ErrOK
	})
}

// ReplyString answers ERR_OK with a string result.
func (r *Request) ReplyString(s string) {
	r.ReplyAppend(func(out []byte) []byte { return AppendString(out, FieldNative, s) })
}

// ReplyAppend answers ERR_OK; f appends the wrapped result to out, which is the connection's out
// buffer. f may take its time, no lock is held, but it must not touch what out already holds.
func (r *Request) ReplyAppend(f func(out []byte) []byte) {
	r.ReplyTry(func(out []byte) ([]byte, base.ErrorCode) { return f(out), base.ErrOK })
}

// ReplyTry is ReplyAppend for a result that may turn out to be an error: with a code other than
// ERR_OK, what f appended is dropped and the answer is ReplyError(code). When the peer has left far too many answers
// untaken, f is not called and the answer is ERR_BUSY; so is an answer above 64 KiB while all peers together have.
func (r *Request) ReplyTry(f func(out []byte) ([]byte, base.ErrorCode)) {
	if !r.claim() {
		return
	}
	if r.direct != nil {
		out, code := f(nil)
		if code != base.ErrOK {
			out = nil
		}
		r.direct.answer(r, code, out)
		return
	}
	o := &r.session.out
	b, backlog := o.lend()
	if backlog {
		f = func(out []byte) ([]byte, base.ErrorCode) { return out, base.ErrBusy }
	}
	start, built := len(b.b), false
	defer func() {
		if !built { // f panicked: the request is still to be answered
			b.b = b.b[:start]
			o.mu.Lock()
			o.giveBack(b)
			o.mu.Unlock()
			r.state.Add(^uint64(0))
		}
	}()
	head := r.appendHead(b.b, base.ErrOK)
	out, code := f(head)
	if code == base.ErrOK && o.share.hindered(len(out)-start) {
		code = base.ErrBusy // built while others filled up what all may hold
		out = append(o.bufs.get().b, out[:start]...)
	}
	if code != base.ErrOK {
		out = r.appendHead(out[:start], code)
	}
	b.b = r.patch(out, start)
	built = true
	if r.OneWay {
		b.b = b.b[:start]
	}
	o.mu.Lock()
	o.giveBack(b)
	r.finish(true)
}

// ReplyBytes answers with a body that is already wrapped; it is copied.
func (r *Request) ReplyBytes(code base.ErrorCode, body []byte) {
	if !r.claim() {
		return
	}
	if r.direct != nil {
		r.direct.answer(r, code, body)
		return
	}
	o := &r.session.out
	o.mu.Lock()
	if !r.OneWay && o.err == nil {
		b := o.room()
		start := len(b.b)
		b.b = append(r.appendHead(b.b, code), body...)
		b.b = r.patch(b.b, start)
	}
	r.finish(true)
}

// ReplyError answers with an error in the frame header and no body.
func (r *Request) ReplyError(code base.ErrorCode) { r.ReplyBytes(code, nil) }

// ReplyForward sends the caller to the leader: ERR_FORWARD_TO_OTHERS with its address. Only native
// callers with ForwardSupported understand it.
func (r *Request) ReplyForward(leader base.RPCAddress) {
	r.ReplyBytes(base.ErrForwardToOthers, AppendValue(nil, FieldNative, &leader))
}

// Drop ends the request without an answer.
func (r *Request) Drop() {
	if !r.claim() || r.direct != nil {
		return
	}
	r.session.out.mu.Lock()
	r.finish(false)
}

// claim takes the right to answer.
func (r *Request) claim() bool {
	st := r.state.Load()
	if st&1 == 0 && r.state.CompareAndSwap(st, st|1) {
		return true
	}
	r.log("request was answered twice")
	return false
}

func (r *Request) appendHead(out []byte, code base.ErrorCode) []byte {
	if r.Dialect == Native {
		return appendNativeReplyHead(out, r.method, &r.header, r.session.srv.address(), code)
	}
	return appendTHFTReplyHead(out, r.method, int32(r.seq), code)
}

// patch completes the frame that began at start. A native answer carries checksums when the request did.
func (r *Request) patch(out []byte, start int) []byte {
	if r.Dialect == Native {
		patchNative(out, start, hasHeaderCRC(&r.header))
	} else {
		patchTHFTReply(out, start)
	}
	return out
}

// finish counts the request as done, sends what is queued unless somebody is about to, and recycles
// the Request. Called with the outbox's mu held; releases it.
func (r *Request) finish(send bool) {
	s := r.session
	s.done(r.cost)
	if s.waiting {
		s.out.changed.Broadcast()
	}
	// The reader flushes when its batch ends, and it clears current before it does.
	send = send && s.current.Load() != r
	more := s.started.Load() != s.finished
	soon := send && more && r.batch == nil && s.out.schedule()
	s.out.mu.Unlock()
	if send && r.batch != nil {
		r.batch.add(&s.out)
		send = false
	}
	r.recycle()
	switch {
	case soon:
		go s.out.flushSoon()
	case send && !more:
		s.out.flush()
	}
}

func (r *Request) recycle() {
	r.Body, r.batch = nil, nil
	r.session.srv.requests.Put(r) // still marked as answered; take opens it again
}
