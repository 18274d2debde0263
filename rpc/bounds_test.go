package rpc

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// silent is the number of connections that have sent no request yet.
func silent(s *Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newcomers.Len()
}

// putOf is a request whose body has so many bytes.
func putOf(size int) []byte {
	c := someCall
	c.Body = AppendValue(nil, 1, base.BlobOf(make([]byte, size)))
	return appendTHFTRequest(nil, THFTv0, &c, 5)
}

// keeper is a handler that answers when it is told to.
type keeper struct {
	mu       sync.Mutex
	requests []*Request
	released bool
	answer   func(*Request)
}

func (k *keeper) serve(r *Request) {
	r.Keep()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.released {
		go k.answer(r)
		return
	}
	k.requests = append(k.requests, r)
}

func (k *keeper) kept() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.requests)
}

// release answers everything, a few at a time.
func (k *keeper) release() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.released = true
	queue := make(chan *Request, len(k.requests))
	for _, r := range k.requests {
		queue <- r
	}
	close(queue)
	for range 8 {
		go func() {
			for r := range queue {
				k.answer(r)
			}
		}()
	}
}

func answerShort(r *Request) { r.ReplyBytes(base.ErrOK, nil) }

// steady waits until a number does not change any more.
func steady(t testing.TB, n func() int) int {
	t.Helper()
	last, since := n(), time.Now()
	for start := time.Now(); time.Since(since) < 300*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		if now := n(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(start) > time.Minute {
			t.Fatal("no end of growth")
		}
	}
	return last
}

func TestSilentConnectionsGiveWay(t *testing.T) {
	s, at := serve(t, ServerOptions{ConnsMax: 20}, func(s *Server) { s.HandleStorage(get) })
	old := rawDial(t, at)
	speak(t, old)
	first := rawDial(t, at)
	waitFor(t, func() bool { return silent(s) == 1 })
	for range 200 {
		rawDial(t, at)
	}
	wantClosed(t, first)
	speak(t, old, rawDial(t, at))
	waitFor(t, func() bool { return s.Stats().Conns == 20 })
	if got := s.Stats(); got.Evicted != 183 || got.Refused != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAConnectionThatNeverSpeaksIsClosed(t *testing.T) {
	at := serveGet(t, ServerOptions{FirstMs: 200})
	idle := rawDial(t, at)
	speak(t, idle)
	wantClosed(t, rawDial(t, at))
	speak(t, idle) // idle for longer than FirstMs, but it had spoken
}

func TestBytesInFlightHoldAConnectionBack(t *testing.T) {
	k := &keeper{answer: answerShort}
	s, at := serve(t, ServerOptions{InFlightBytesMax: 1 << 20}, func(s *Server) { s.HandleStorage(k.serve) })
	c := rawDial(t, at)
	go c.Write(bytes.Repeat(putOf(100<<10), 100))
	if n := steady(t, k.kept); n < 2 || n > 11 {
		t.Errorf("%d requests of 100 KiB in flight, allowed is 1 MiB", n)
	}
	if held := s.Stats().InFlightBytes; held < 1<<20 || held > 12*(101<<10) {
		t.Errorf("%d bytes are said to be in flight", held)
	}
	k.release()
	readN(t, c, 100*len(patched(appendTHFTReplyHead(nil, newMethod(getCode), 5, base.ErrOK))))
	waitFor(t, func() bool { return s.Stats().InFlightBytes == 0 })
}

func TestBytesInFlightOfAllConnections(t *testing.T) {
	k := &keeper{answer: answerShort}
	s, at := serve(t, ServerOptions{InFlightBytesTotalMax: 1 << 20}, func(s *Server) {
		s.HandleStorage(k.serve)
		s.Handle("small", answerShort)
	})
	for range 20 {
		go rawDial(t, at).Write(bytes.Repeat(putOf(50<<10), 50))
	}
	// Each may go beyond by what it may hold whatever the others do, and by one request.
	if n := steady(t, k.kept); n < 20 || n > 20+3*20 {
		t.Errorf("%d requests of 50 KiB in flight, allowed is 1 MiB", n)
	}
	p := newPool(t, PoolOptions{Dialect: THFTv1})
	for range 100 {
		if err := call(p, at, "small"); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Full() {
		t.Error("the server says that it is not full")
	}
	k.release()
	waitFor(t, func() bool { return s.Stats().InFlightBytes == 0 && !s.Full() })
}

func TestReadBuffersOfAllConnections(t *testing.T) {
	s, at := serve(t, ServerOptions{InBufferBytesTotalMax: 8 << 20}, func(s *Server) { s.HandleStorage(get) })
	big := putOf(4 << 20)
	before := heap()
	var conns []net.Conn
	for range 40 {
		c := rawDial(t, at)
		conns = append(conns, c)
		go c.Write(big[:2<<20])
	}
	waitFor(t, func() bool { return s.Stats().Broken >= 30 })
	if got := s.Stats().InBufferBytes; got > 8<<20 {
		t.Errorf("%d bytes in read buffers", got)
	}
	// Soon: a collection beside connections that end also counts buffers which they have just let go.
	waitFor(t, func() bool { return int64(heap())-int64(before) < 16<<20 })
	speak(t, rawDial(t, at))
	for _, c := range conns {
		c.Close()
	}
	waitFor(t, func() bool { return s.Stats().InBufferBytes == 0 })
	c := rawDial(t, at) // now there is room
	c.Write(big)
	readN(t, c, 4<<20)
	waitFor(t, func() bool { return s.Stats().InBufferBytes <= readBufferKeep })
}

// heap is what is in use after a collection, in bytes.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestNoWorkForAPeerThatDoesNotRead(t *testing.T) {
	for name, opts := range map[string]ServerOptions{
		"own":   {OutBufferBytesBusy: 8 << 20},
		"total": {OutBufferBytesTotalMax: 8 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			const answers, size = 1000, 256 << 10
			var built atomic.Int32
			k := &keeper{answer: func(r *Request) {
				r.ReplyAppend(func(out []byte) []byte {
					built.Add(1)
					return append(out, make([]byte, size)...)
				})
			}}
			s, at := serve(t, opts, func(s *Server) {
				s.HandleStorage(k.serve)
				s.Handle("small", answerShort)
			})
			c := rawDial(t, at)
			c.SetReadBuffer(64 << 10)
			c.Write(bytes.Repeat(requestOf(THFTv0), answers))
			waitFor(t, func() bool { return k.kept() == answers })
			before := heap()
			k.release()
			waitFor(t, func() bool { return s.Stats().InFlightBytes == 0 && built.Load() > 0 })
			steady(t, func() int { return int(built.Load()) })
			if grown := int64(heap()) - int64(before); grown > 64<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
			if n := built.Load(); n > 60 {
				t.Errorf("%d answers of 256 KiB were built for a peer that reads none", n)
			}
			if err := call(newPool(t, PoolOptions{}), at, "small"); err != nil {
				t.Error(err)
			}
			// What was not built is answered all the same, when the peer reads.
			all := make([]byte, 0, int(built.Load())*size)
			for busy := 0; busy+int(built.Load()) < answers; {
				b := make([]byte, 1<<20)
				n, err := c.Read(b)
				if err != nil {
					t.Fatalf("%d answers with ERR_BUSY, %d built: %v", busy, built.Load(), err)
				}
				all = append(all, b[:n]...)
				busy = bytes.Count(all, []byte("ERR_BUSY"))
			}
			waitFor(t, func() bool { return s.Stats().OutBufferBytes == 0 })
		})
	}
}

func TestHTTPRequestsAtOnce(t *testing.T) {
	var running, most atomic.Int32
	release := make(chan bool)
	s, at := serve(t, ServerOptions{HTTPInFlightMax: 4, FrameMs: 300}, func(s *Server) {
		s.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			most.Store(max(most.Load(), running.Add(1)))
			<-release
			running.Add(-1)
		}))
	})
	codes := make(chan string, 20)
	for range 20 {
		c := rawDial(t, s.address())
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", at)
		go func() {
			b, _ := io.ReadAll(c)
			codes <- strings.SplitN(string(b)+"   ", " ", 3)[1]
		}()
	}
	for range 16 {
		if code := <-codes; code != "503" {
			t.Fatalf("status %q beyond the limit", code)
		}
	}
	close(release)
	for range 4 {
		if code := <-codes; code != "200" {
			t.Fatalf("status %q within the limit", code)
		}
	}
	if most.Load() != 4 {
		t.Errorf("%d handlers at once", most.Load())
	}
}

func TestAnHTTPPeerThatDoesNotReadIsGivenUp(t *testing.T) {
	ended := make(chan error, 1)
	s, _ := serve(t, ServerOptions{StallMs: 200}, func(s *Server) {
		s.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := w.Write(make([]byte, 64<<20))
			ended <- err
		}))
	})
	c := rawDial(t, s.address())
	c.SetReadBuffer(64 << 10)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-ended; err == nil {
		t.Error("64 MiB went to a peer that does not read")
	}
	waitFor(t, func() bool { return s.Stats().Conns == 0 })
}

func TestConnectionsLeaveDescriptorsForFiles(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Skip(err)
	}
	low := old
	low.Cur = 400
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Skip(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)
	if s := NewServer(ServerOptions{Logger: quiet}); s.opts.ConnsMax != 200 {
		t.Errorf("%d connections with 400 descriptors", s.opts.ConnsMax)
	}
}
