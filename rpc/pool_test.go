package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// listen is a peer under the test's control.
func listen(t *testing.T) (net.Listener, base.RPCAddress) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	at, _ := base.ParseAddress(l.Addr().String())
	return l, at
}

// collect counts outcomes.
type collect struct {
	wg    sync.WaitGroup
	mu    sync.Mutex
	codes map[base.ErrorCode]int
}

func (c *collect) done() Done {
	c.wg.Add(1)
	return func(code base.ErrorCode, _ []byte) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.codes == nil {
			c.codes = map[base.ErrorCode]int{}
		}
		c.codes[code]++
		c.wg.Done() // panics when a callback runs twice
	}
}

func (c *collect) want(t *testing.T, code base.ErrorCode, n int) {
	t.Helper()
	c.wg.Wait()
	if len(c.codes) != 1 || c.codes[code] != n {
		t.Errorf("outcomes %v, want %d of %v", c.codes, n, code)
	}
}

func TestBrokenConnectionFailsAllCallsInFlight(t *testing.T) {
	l, at := listen(t)
	p := newPool(t, PoolOptions{TimeoutMs: 60000})
	var got collect
	for range 100 {
		p.Go(at, someCall, got.done())
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	readN(t, conn, 100*(nativeHeader+len(someCall.Body)))
	conn.Close()
	got.want(t, base.ErrNetworkFailure, 100)
}

func TestReconnectsAfterThePeerCameBack(t *testing.T) {
	l, at := listen(t)
	l.Close()
	p := newPool(t, PoolOptions{})
	if err := call(p, at, getCode); err != base.ErrNetworkFailure {
		t.Fatal(err)
	}
	for range 3 {
		s := NewServer(ServerOptions{Logger: quiet})
		s.Handle("RPC_LEARN", func(r *Request) { r.ReplyBytes(base.ErrOK, nil) })
		if _, err := s.Listen(at.String()); err != nil {
			t.Fatal(err)
		}
		go s.Serve()
		for range 10 {
			if err := call(p, at, "RPC_LEARN"); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		waitFor(t, func() bool { return len(p.all(nil, nil)) == 0 })
	}
}

func TestMalformedAnswersFailTheConnection(t *testing.T) {
	for d, bad := range map[Dialect][]byte{
		Native: append([]byte("XXXX"), make([]byte, 300)...),
		THFTv0: {0, 0, 0, 3},
		THFTv1: {0, 0, 0, 8, 0x7f, 0xff, 0xff, 0xff},
	} {
		l, at := listen(t)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				conn.Write(bad)
				io.Copy(io.Discard, conn)
				conn.Close()
			}
		}()
		p := newPool(t, PoolOptions{Dialect: d, TimeoutMs: 60000})
		if err := call(p, at, getCode); err != base.ErrNetworkFailure {
			t.Errorf("%v: %v", d, err)
		}
	}
}

func TestAnswersOfOthersAreIgnored(t *testing.T) {
	l, at := listen(t)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		b := make([]byte, 4096)
		n, _ := conn.Read(b)
		var f frame
		parseTHFT(b[:n], 1<<20, &f)
		m := newMethod(getCode)
		for _, seq := range []int32{999, int32(f.seq), int32(f.seq)} {
			conn.Write(patched(appendTHFTReplyHead(nil, m, seq, base.ErrBusy)))
		}
		io.Copy(io.Discard, conn)
	}()
	p := newPool(t, PoolOptions{Dialect: THFTv0})
	var got collect
	p.Go(at, someCall, got.done())
	got.want(t, base.ErrBusy, 1)
}

func TestTimeoutsOfManyLengths(t *testing.T) {
	l, at := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(io.Discard, conn)
		}
	}()
	p := newPool(t, PoolOptions{})
	var got collect
	var early, late atomic.Int64
	start := time.Now()
	for i := range 500 {
		c := someCall
		c.TimeoutMs = int32(1 + i)
		done := got.done()
		p.Go(at, c, func(code base.ErrorCode, body []byte) {
			took := time.Since(start) - time.Duration(c.TimeoutMs)*time.Millisecond
			if took < 0 {
				early.Add(1)
			} else if took > time.Second {
				late.Add(1)
			}
			done(code, body)
		})
	}
	got.want(t, base.ErrTimeout, 500)
	if early.Load()+late.Load() > 0 {
		t.Errorf("%d calls ended early, %d late", early.Load(), late.Load())
	}
	// After the pool's timer went to rest, a call wakes it.
	waitFor(t, func() bool { return !p.timing.Load() })
	c := someCall
	c.TimeoutMs = 20
	if err := p.Call(context.Background(), at, c, nil); err != base.ErrTimeout {
		t.Error(err)
	}
}

func TestASilentPeerIsGivenUp(t *testing.T) {
	l, at := listen(t)
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	p := newPool(t, PoolOptions{StallMs: 200, TimeoutMs: 100})
	for range 10 {
		call := someCall
		call.TimeoutMs = 50
		p.Call(context.Background(), at, call, nil)
	}
	if len(accepted) < 2 {
		t.Errorf("%d connections made, want another after nothing arrived on the first", len(accepted))
	}
	for len(accepted) > 0 {
		(<-accepted).Close()
	}
}

func TestPoolLimits(t *testing.T) {
	_, at := listen(t) // never accepts, so that everything stays in flight
	_, other := listen(t)
	small := newPool(t, PoolOptions{InFlightMax: 10, PeersMax: 1, TimeoutMs: 60000})
	var in, out collect
	for range 10 {
		small.Go(at, someCall, in.done())
	}
	small.Go(at, someCall, out.done())
	small.Go(other, someCall, out.done())
	out.want(t, base.ErrCapacityExceeded, 2)
	full := newPool(t, PoolOptions{OutBufferBytesMax: 1 << 20, TimeoutMs: 60000})
	var refused collect
	big := someCall
	big.Body = make([]byte, 300<<10)
	for range 60 {
		full.Go(at, big, refused.done())
	}
	small.CloseConn(at)
	in.want(t, base.ErrNetworkFailure, 10)
	full.Close()
	refused.wg.Wait()
	if refused.codes[base.ErrCapacityExceeded] == 0 || refused.codes[base.ErrNetworkFailure] == 0 {
		t.Errorf("outcomes %v", refused.codes)
	}
}

func TestACallAfterCloseFails(t *testing.T) {
	_, at := listen(t)
	p := newPool(t, PoolOptions{})
	p.Close()
	if err := call(p, at, getCode); err != base.ErrNetworkFailure {
		t.Error(err)
	}
	if err := call(newPool(t, PoolOptions{}), base.RPCAddress{}, getCode); err != base.ErrNetworkFailure {
		t.Error(err)
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	s, at := serve(t, ServerOptions{}, func(s *Server) { s.HandleStorage(get) })
	p := newPool(t, PoolOptions{Dialect: THFTv0, IdleMs: 50})
	for range 3 {
		if err := p.Call(context.Background(), at, someCall, nil); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return s.Stats().Conns == 0 && len(p.all(nil, nil)) == 0 })
	}
}

func TestCallbacksRunOutsideGoAndMayPanic(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) { s.HandleStorage(get) })
	l, gone := listen(t)
	l.Close()
	p := newPool(t, PoolOptions{Dialect: THFTv0})
	var mu sync.Mutex
	for _, to := range []base.RPCAddress{at, gone, {}} {
		ran := make(chan bool)
		mu.Lock()
		p.Go(to, someCall, func(base.ErrorCode, []byte) {
			mu.Lock() // would deadlock inside Go
			mu.Unlock()
			close(ran)
			panic("callback")
		})
		mu.Unlock()
		<-ran
	}
	if err := p.Call(context.Background(), at, someCall, nil); err != nil {
		t.Error("after a panic in a callback:", err)
	}
}

func TestAnAnswerThatDoesNotDecodeIsInvalidData(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.Handle("RPC_LEARN", func(r *Request) { r.ReplyBytes(base.ErrOK, []byte{12, 0, 0, 8}) })
	})
	p := newPool(t, PoolOptions{})
	err := p.Call(context.Background(), at, Call{Name: "RPC_LEARN"}, new(rrdb.ReadResponse))
	var code base.ErrorCode
	if !errors.As(err, &code) || code != base.ErrInvalidData {
		t.Error(err)
	}
}

func TestConnectionsPerPeerShareByPartition(t *testing.T) {
	s, at := serve(t, ServerOptions{}, func(s *Server) { s.HandleStorage(get) })
	p := newPool(t, PoolOptions{Dialect: THFTv1, ConnsPerPeerMax: 3})
	for part := range int32(12) {
		c := someCall
		c.Gpid.PartitionIndex = part
		if err := p.Call(context.Background(), at, c, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Stats().Conns; n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

func TestSendIsOneWay(t *testing.T) {
	got := make(chan []byte, 10)
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.Handle("RPC_CONFIG_PROPOSAL", func(r *Request) {
			got <- bytes.Clone(r.Body)
			r.Drop()
		})
	})
	p := newPool(t, PoolOptions{})
	for i := range 10 {
		p.Send(at, Call{Name: "RPC_CONFIG_PROPOSAL", Body: []byte{byte(i)}})
	}
	for i := range 10 {
		if b := <-got; !bytes.Equal(b, []byte{byte(i)}) {
			t.Errorf("message %d is %x", i, b)
		}
	}
}

// Peers that take nothing hold a bounded amount together, and hold nobody up who takes what he is sent.
func TestOutBuffersOfAllPeers(t *testing.T) {
	_, reader := serve(t, ServerOptions{}, func(s *Server) { s.HandleStorage(answerShort) })
	p := newPool(t, PoolOptions{OutBufferBytesTotalMax: 4 << 20, TimeoutMs: 60000})
	big := someCall
	big.Body = make([]byte, 300<<10)
	var outcomes collect
	for range 4 {
		_, at := listen(t) // never reads
		for range 100 {
			p.Go(at, big, outcomes.done())
		}
	}
	if n := p.Stats().OutBufferBytes; n <= 4<<20-int64(len(big.Body)) || n > 4<<20+8*int64(len(big.Body)) {
		t.Errorf("%d bytes wait for peers", n)
	}
	var good collect
	for range 20 { // one after the other: each finds the connection empty
		done := make(chan struct{})
		count := good.done()
		p.Go(reader, big, func(code base.ErrorCode, body []byte) { count(code, body); close(done) })
		<-done
	}
	good.want(t, base.ErrOK, 20)
	p.Close()
	outcomes.wg.Wait()
	if outcomes.codes[base.ErrCapacityExceeded] == 0 || outcomes.codes[base.ErrNetworkFailure] == 0 {
		t.Errorf("outcomes %v", outcomes.codes)
	}
	if st := p.Stats(); st != (PoolStats{}) {
		t.Errorf("a closed pool holds %+v", st)
	}
}

// An answer that does not fit into the read buffers of all connections ends its connection, and frees what it held.
func TestReadBuffersOfAllPeers(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.HandleStorage(func(r *Request) { r.ReplyBytes(base.ErrOK, make([]byte, 4<<20)) })
	})
	for most, want := range map[int]base.ErrorCode{1 << 20: base.ErrNetworkFailure, 16 << 20: base.ErrOK} {
		p := newPool(t, PoolOptions{InBufferBytesTotalMax: most, TimeoutMs: 60000})
		var outcomes collect
		p.Go(at, someCall, outcomes.done())
		outcomes.want(t, want, 1)
		p.Close()
		if st := p.Stats(); st != (PoolStats{}) {
			t.Errorf("a closed pool holds %+v", st)
		}
	}
}
