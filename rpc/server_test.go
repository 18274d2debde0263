package rpc

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

func call(p *Pool, at base.RPCAddress, name string) error {
	return p.Call(context.Background(), at, Call{Name: name, TimeoutMs: 10000}, nil)
}

func TestRoutingByNameAndAppID(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.Handle("RPC_CM_LIST_APPS", func(r *Request) { r.ReplyError(base.ErrBusy) })
		s.HandleStorage(func(r *Request) { r.ReplyError(base.ErrObjectNotFound) })
	})
	p := newPool(t, PoolOptions{Dialect: THFTv0})
	for _, c := range []struct {
		name string
		app  int32
		want base.ErrorCode
	}{
		{getCode, 1, base.ErrObjectNotFound},
		{getCode, 0, base.ErrHandlerNotFound},
		{getCode, -1, base.ErrHandlerNotFound},
		{"RPC_CM_LIST_NODES", 1, base.ErrObjectNotFound}, // known, nobody here serves it
		{"RPC_CM_LIST_NODES", 0, base.ErrHandlerNotFound},
		{"RPC_CM_LIST_APPS", 0, base.ErrBusy},
		{"RPC_CM_LIST_APPS", 1, base.ErrBusy},
		{"RPC_NO_SUCH_THING", 1, base.ErrHandlerNotFound},
		{strings.Repeat("n", 300), 1, base.ErrHandlerNotFound},
	} {
		err := p.Call(context.Background(), at, Call{Name: c.name, Gpid: base.Gpid{AppID: c.app}}, nil)
		if err != c.want {
			t.Errorf("%s with app id %d: %v, want %v", c.name, c.app, err, c.want)
		}
	}
}

func TestErrorNamesThatClientsDoNotKnowAreReplacedForTHFTOnly(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.Handle("RPC_CM_LIST_APPS", func(r *Request) { r.ReplyError(base.ErrDiskIOError) })
	})
	dialects(t, func(t *testing.T, d Dialect) {
		want := base.ErrDiskInsufficient
		if d == Native {
			want = base.ErrDiskIOError
		}
		if err := call(newPool(t, PoolOptions{Dialect: d}), at, "RPC_CM_LIST_APPS"); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	})
}

func TestAPanicIsAnsweredAndTheConnectionLives(t *testing.T) {
	var logged syncBuffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	_, at := serve(t, ServerOptions{Logger: log}, func(s *Server) {
		s.Handle("RPC_LEARN", func(r *Request) { panic("before the answer") })
		s.Handle("RPC_GROUP_CHECK", func(r *Request) {
			r.ReplyError(base.ErrBusy)
			panic("after the answer")
		})
		s.Handle("RPC_PREPARE", func(r *Request) {
			r.ReplyAppend(func(out []byte) []byte { panic("within the answer") })
		})
		s.Handle("RPC_BULK_LOAD", func(r *Request) { r.ReplyAppend(func(out []byte) []byte { return out }) })
	})
	dialects(t, func(t *testing.T, d Dialect) {
		p := newPool(t, PoolOptions{Dialect: d})
		for range 20 {
			for name, want := range map[string]error{"RPC_LEARN": base.ErrUnknown, "RPC_GROUP_CHECK": base.ErrBusy,
				"RPC_PREPARE": base.ErrUnknown, "RPC_BULK_LOAD": nil} {
				if err := call(p, at, name); err != want {
					t.Fatalf("%s: %v, want %v", name, err, want)
				}
			}
		}
	})
	for _, s := range []string{"before the answer", "after the answer", "within the answer"} {
		if !strings.Contains(logged.String(), s) {
			t.Errorf("panic %q was not logged", s)
		}
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestASecondAnswerIsIgnored(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.HandleStorage(func(r *Request) {
			get(r)
			r.ReplyError(base.ErrBusy)
			r.Drop()
		})
	})
	want := exchangeAll(t, at, requestOf(THFTv0))
	c := rawDial(t, at)
	c.Write(bytes.Repeat(requestOf(THFTv0), 100))
	if got := readN(t, c, 100*len(want)); !bytes.Equal(got, bytes.Repeat(want, 100)) {
		t.Error("answers differ")
	}
}

func TestDroppedAndOneWayRequestsGetNoAnswer(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.HandleStorage(func(r *Request) {
			if r.Name == "RPC_RRDB_RRDB_CLEAR_SCANNER" {
				r.Drop()
				return
			}
			get(r)
		})
	})
	c := rawDial(t, at)
	clearScanner := Call{Name: "RPC_RRDB_RRDB_CLEAR_SCANNER", Gpid: base.Gpid{AppID: 1}, Body: AppendI64(nil, 1, 7)}
	oneWay := with(requestOf(THFTv0), 48, 0x80010004)
	want := exchangeAll(t, at, requestOf(THFTv0))
	c.Write(appendTHFTRequest(nil, THFTv0, &clearScanner, 4))
	c.Write(oneWay)
	c.Write(requestOf(THFTv0))
	if got := readN(t, c, len(want)); !bytes.Equal(got, want) {
		t.Errorf("got %x, want only %x", got, want)
	}
}

func TestNativeAnswerEchoesTheRequestHeader(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) { s.HandleStorage(get) })
	for _, checksum := range []bool{false, true} {
		request := appendNativeRequest(nil, &Call{Name: getCode, Gpid: base.Gpid{AppID: 3, PartitionIndex: 9},
			TimeoutMs: 1234, PartitionHash: 77, Body: someCall.Body}, 1<<40+5, base.AddressOf(9, 9), checksum)
		got := exchangeAll(t, at, request)
		if _, _, err := checkNative(got, 1<<20); err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(request[:nativeHeader])
		want[offContext] = 0x40
		for off, n := range map[int]int{offName: 48, offErrorName: 48, offFrom: 8, offBodyLength: 4, offHeaderCRC: 4, offBodyCRC: 4} {
			copy(want[off:off+n], got[off:])
		}
		if !bytes.Equal(got[:nativeHeader], want) {
			t.Errorf("header\n%x, want\n%x", got[:nativeHeader], want)
		}
		if leUint64(got[offContext:]) != 0x440 || string(cText(got[offName:])) != getCode+"_ACK" ||
			string(cText(got[offErrorName:])) != "ERR_OK" || int64(leUint64(got[offFrom:])) != at.Int64() {
			t.Errorf("header %x", got[:nativeHeader])
		}
		if hasHeaderCRC((*[nativeHeader]byte)(got)) != checksum {
			t.Error("an answer carries checksums exactly when the request does")
		}
	}
}

func TestForwardNamesTheLeader(t *testing.T) {
	leader := base.AddressOf(0x0A000001, 34601)
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.Handle("RPC_CM_LIST_APPS", func(r *Request) {
			if !r.ForwardSupported || !r.From.IsValid() {
				t.Error("request of a native caller does not say that it can be forwarded, or from where")
			}
			r.ReplyForward(leader)
		})
	})
	p := newPool(t, PoolOptions{})
	body, err := p.CallBytes(context.Background(), at, Call{Name: "RPC_CM_LIST_APPS"})
	var got base.RPCAddress
	if _, e := ReadValue(body, &got); err != base.ErrForwardToOthers || e != nil || got != leader {
		t.Error(err, e, got)
	}
}

func TestManyInFlightAreAnsweredInAnyOrder(t *testing.T) {
	const n = 10000
	var mu sync.Mutex
	var waiting []*Request
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.HandleStorage(func(r *Request) {
			r.Keep()
			mu.Lock()
			defer mu.Unlock()
			if waiting = append(waiting, r); len(waiting) == n {
				go func() { // the last first
					for i := n - 1; i >= 0; i-- {
						get(waiting[i])
					}
				}()
			}
		})
	})
	dialects(t, func(t *testing.T, d Dialect) {
		waiting = waiting[:0]
		p := newPool(t, PoolOptions{Dialect: d, TimeoutMs: 60000})
		var left sync.WaitGroup
		var wrong atomic.Int64
		for i := range n {
			left.Add(1)
			var key [4]byte
			key[0], key[1] = byte(i), byte(i>>8)
			c := someCall
			c.Body = AppendValue(nil, p.ArgField(), base.BlobOf(key[:]))
			p.Go(at, c, func(code base.ErrorCode, body []byte) {
				if code != base.ErrOK || !bytes.Contains(body, key[:]) {
					wrong.Add(1)
				}
				left.Done()
			})
		}
		left.Wait()
		if wrong.Load() > 0 {
			t.Errorf("%d wrong answers", wrong.Load())
		}
	})
}

func TestKeepOutlivesTheHandlerAndTheRequest(t *testing.T) {
	var kept [][]byte
	done := make(chan bool)
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.HandleStorage(func(r *Request) {
			r.Keep()
			kept = append(kept, r.Body)
			get(r)
			if len(kept) == 1000 {
				close(done)
			}
		})
	})
	c := rawDial(t, at)
	c.Write(bytes.Repeat(requestOf(THFTv0), 1000))
	<-done
	for _, b := range kept {
		if !bytes.Equal(b, someCall.Body) {
			t.Fatalf("kept %x", b)
		}
	}
}

func TestInFlightLimitStopsReadingUntilAnswers(t *testing.T) {
	var mu sync.Mutex
	var held []*Request
	size := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(held)
	}
	_, at := serve(t, ServerOptions{InFlightMax: 10}, func(s *Server) {
		s.HandleStorage(func(r *Request) {
			mu.Lock()
			held = append(held, r)
			mu.Unlock()
		})
	})
	c := rawDial(t, at)
	c.Write(bytes.Repeat(requestOf(THFTv0), 100))
	for total := 10; total <= 100; total += 10 {
		waitFor(t, func() bool { return size() == 10 })
		time.Sleep(time.Millisecond)
		if n := size(); n != 10 {
			t.Fatalf("%d requests in flight, allowed are 10", n)
		}
		mu.Lock()
		for _, r := range held {
			r.ReplyError(base.ErrBusy)
		}
		held = held[:0]
		mu.Unlock()
	}
	readN(t, c, 100*len(appendTHFTReplyHead(nil, newMethod(getCode), 0, base.ErrBusy)))
}

func waitFor(t testing.TB, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not happen")
		}
	}
}

func TestAPeerThatDoesNotReadIsHeldBackThenClosed(t *testing.T) {
	var logged syncBuffer
	var served atomic.Int64
	big := make([]byte, 64<<10)
	_, at := serve(t, ServerOptions{OutBufferBytesMax: 1 << 20, StallMs: 300, Logger: slog.New(slog.NewTextHandler(&logged, nil))},
		func(s *Server) {
			s.HandleStorage(func(r *Request) {
				served.Add(1)
				r.ReplyBytes(base.ErrOK, big)
			})
		})
	deaf := rawDial(t, at)
	deaf.SetReadBuffer(4096)
	go deaf.Write(bytes.Repeat(requestOf(THFTv0), 10000))
	waitFor(t, func() bool { return strings.Contains(logged.String(), errStalled.Error()) })
	// 1 MiB of ours, what the kernel buffers, and no more than that.
	if n := served.Load() * int64(len(big)); n > 64<<20 {
		t.Errorf("%d bytes were produced for a peer that reads nothing", n)
	}
	if b := exchangeAll(t, at, requestOf(THFTv0)); len(b) == 0 {
		t.Error("others are not served")
	}
}

func TestASlowReaderGetsEverything(t *testing.T) {
	big := make([]byte, 300<<10)
	_, at := serve(t, ServerOptions{OutBufferBytesMax: 1 << 20, StallMs: 5000}, func(s *Server) {
		s.HandleStorage(func(r *Request) { r.ReplyBytes(base.ErrOK, big) })
	})
	c := rawDial(t, at)
	go c.Write(bytes.Repeat(requestOf(THFTv0), 60))
	time.Sleep(100 * time.Millisecond)
	readN(t, c, 60*(len(big)+len(appendTHFTReplyHead(nil, newMethod(getCode), 0, base.ErrOK))))
}

func TestRepliesInABatchAreSentByFlush(t *testing.T) {
	queue := make(chan *Request, 64)
	_, at := serve(t, ServerOptions{}, func(s *Server) { s.HandleStorage(func(r *Request) { r.Keep(); queue <- r }) })
	p, c := newPool(t, PoolOptions{}), rawDial(t, at)
	var b Batch
	answers := make(chan base.ErrorCode, 64)
	for range 32 {
		p.GoBatch(&b, at, someCall, func(code base.ErrorCode, _ []byte) { answers <- code })
	}
	c.Write(bytes.Repeat(requestOf(THFTv0), 32))
	b.Flush()
	for range 64 {
		r := <-queue
		r.DeferFlush(&b)
		get(r)
	}
	// The answer to the request whose handler ran last may have been sent by the reader.
	if len(answers) > 32 {
		t.Error("answers arrived before the flush")
	}
	b.Flush()
	for range 32 {
		if code := <-answers; code != base.ErrOK {
			t.Error(code)
		}
	}
	readN(t, c, 32*len(exchangeLen(t, queue, at)))
}

// exchangeLen makes one request and answers it from here.
func exchangeLen(t *testing.T, queue chan *Request, at base.RPCAddress) []byte {
	go func() { get(<-queue) }()
	return exchangeAll(t, at, requestOf(THFTv0))
}

func TestResultThatCannotBeEncodedIsInvalidData(t *testing.T) {
	twice := &metaadmin.ConfigurationListAppsResponse{}
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.Handle("RPC_CM_LIST_APPS", func(r *Request) { r.Reply(badValue{}) })
		s.Handle("RPC_CM_LIST_NODES", func(r *Request) { r.Reply(twice) })
	})
	p := newPool(t, PoolOptions{})
	if err := call(p, at, "RPC_CM_LIST_APPS"); err != base.ErrInvalidData {
		t.Error(err)
	}
	if err := call(p, at, "RPC_CM_LIST_NODES"); err != nil {
		t.Error(err)
	}
}

func TestConnectionLimits(t *testing.T) {
	for _, opts := range []ServerOptions{{ConnsMax: 2}, {ConnsPerIPMax: 2}} {
		s, at := serve(t, opts, func(s *Server) { s.HandleStorage(get) })
		a, b := rawDial(t, at), rawDial(t, at)
		speak(t, a, b)
		wantClosed(t, rawDial(t, at))
		a.Close()
		waitFor(t, func() bool { return s.Stats().Conns == 1 })
		c := rawDial(t, at)
		speak(t, b, c)
	}
}

// speak has every connection send a request and take its answer.
func speak(t testing.TB, conns ...net.Conn) {
	t.Helper()
	for _, c := range conns {
		c.Write(requestOf(THFTv0))
		size := binary.BigEndian.Uint32(readN(t, c, 4))
		readN(t, c, int(size)-4)
	}
}

func TestShutdownAnswersWhatWasRead(t *testing.T) {
	arrived, release := make(chan *Request, 1), make(chan bool)
	s, at := serve(t, ServerOptions{}, func(s *Server) { s.HandleStorage(func(r *Request) { r.Keep(); arrived <- r }) })
	c, idle := rawDial(t, at), rawDial(t, at)
	c.Write(requestOf(THFTv0))
	r := <-arrived
	go func() {
		<-release
		get(r)
	}()
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	wantClosed(t, idle)
	select {
	case err := <-ended:
		t.Fatalf("shutdown ended while a request was open: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	close(release)
	readN(t, c, 40)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	s2, at2 := serve(t, ServerOptions{}, func(s *Server) { s.HandleStorage(func(r *Request) { arrived <- r }) })
	rawDial(t, at2).Write(requestOf(THFTv0))
	<-arrived
	if err := s2.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Error(err)
	}
}

func TestStats(t *testing.T) {
	s, at := serve(t, ServerOptions{ConnsMax: 2}, func(s *Server) { s.HandleStorage(get) })
	good, bad := rawDial(t, at), rawDial(t, at)
	good.Write(bytes.Repeat(requestOf(THFTv0), 5))
	readN(t, good, 5*40)
	speak(t, bad)
	wantClosed(t, rawDial(t, at))
	bad.Write([]byte("nonsense nonsense"))
	wantClosed(t, bad)
	waitFor(t, func() bool { return s.Stats().Conns == 1 })
	want := ServerStats{Conns: 1, Accepted: 2, Refused: 1, Broken: 1, Requests: 6, BytesRead: uint64(6*len(requestOf(THFTv0))) + 17}
	if got := s.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWarningsAreLimitedAndCounted(t *testing.T) {
	var l lineLimit
	for i := range 3 * LogLinesMax {
		if ok, dropped := l.take(1); ok != (i < LogLinesMax) || dropped != 0 {
			t.Fatalf("line %d: %v, %d dropped", i, ok, dropped)
		}
	}
	if ok, dropped := l.take(2); !ok || dropped != 2*LogLinesMax {
		t.Errorf("next second: %v, %d dropped", ok, dropped)
	}
}
