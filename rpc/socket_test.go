package rpc

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// pair is a connection over the loopback interface, its ends as TCP.
func pair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close(); in.Close() })
	return in.(*net.TCPConn), out.(*net.TCPConn)
}

// TestSocketReads: whatever the pieces and pauses, every byte arrives in order, and then the end. Nothing comes twice to wake the
// reader, so one wake that is missed hangs it.
func TestSocketReads(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	for seed := range uint64(rounds) {
		near, far := pair(t)
		rng := rand.New(rand.NewPCG(seed, 3))
		total := rng.IntN(200_000)
		go func() {
			for next := 0; next < total; {
				piece := make([]byte, min(total-next, 1+rng.IntN(1<<rng.IntN(17))))
				for i := range piece {
					piece[i] = byte(next)
					next++
				}
				far.Write(piece)
				if rng.IntN(4) == 0 {
					time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
				}
			}
			if seed%2 == 0 {
				far.CloseWrite()
			} else {
				far.Close()
			}
		}()
		s, err := newSocket(near)
		if err != nil {
			t.Fatal(err)
		}
		got, buf := 0, make([]byte, 1+rng.IntN(100_000))
		for err == nil {
			var n int
			n, err = s.Read(buf)
			for _, b := range buf[:n] {
				if b != byte(got) {
					t.Fatalf("seed %d: byte %d is %#x", seed, got, b)
				}
				got++
			}
		}
		if err != io.EOF || got != total {
			t.Fatalf("seed %d: %d of %d bytes, then %v", seed, got, total, err)
		}
		near.Close()
		far.Close()
	}
}

// TestSocketEnds: a reset behind data, a deadline and a close from elsewhere each end a read.
func TestSocketEnds(t *testing.T) {
	open := func() (s *socket, near, far *net.TCPConn) {
		near, far = pair(t)
		s, err := newSocket(near)
		if err != nil {
			t.Fatal(err)
		}
		return s, near, far
	}
	want := func(s *socket, want error) {
		t.Helper()
		n, err := s.Read(make([]byte, 100))
		for err == nil && n > 0 {
			n, err = s.Read(make([]byte, 100))
		}
		if !errors.Is(err, want) {
			t.Errorf("read ends with %v, want %v", err, want)
		}
	}
	s, _, far := open()
	far.SetLinger(0)
	far.Write([]byte("last words"))
	far.Close()
	want(s, syscall.ECONNRESET)

	s, near, _ := open()
	near.SetReadDeadline(time.Unix(1, 0))
	want(s, os.ErrDeadlineExceeded)
	near.SetReadDeadline(time.Time{})
	go near.Close()
	want(s, net.ErrClosed)
}

// TestSocketWrites: what the connection does not take is left to the caller, and no error.
func TestSocketWrites(t *testing.T) {
	near, far := pair(t)
	s, err := newSocket(near)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for {
		n, err := s.tryWrite(make([]byte, 10_000+sent%100_000))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		sent += n
	}
	near.CloseWrite()
	if got, err := io.Copy(io.Discard, far); err != nil || int(got) != sent {
		t.Errorf("%d of %d bytes arrived, %v", got, sent, err)
	}
	near.Close()
	if _, err := s.tryWrite([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

// Peers that send a request nobody answers and reset the connection at once leave nothing behind.
func TestSessionsEndWithAReset(t *testing.T) {
	srv := NewServer(ServerOptions{})
	srv.Handle("RPC_CONFIG_PROPOSAL", func(r *Request) { r.Drop() })
	at, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve()
	defer srv.Close()
	call := Call{Name: "RPC_CONFIG_PROPOSAL", TimeoutMs: 1000, Body: AppendI64(nil, FieldTHFT, 1)}
	for range 300 {
		c, err := net.Dial("tcp4", at.String())
		if err != nil {
			t.Fatal(err)
		}
		c.Write(appendTHFTRequest(nil, THFTv1, &call, 1))
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	left := func() int {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		return len(srv.sessions)
	}
	for range 1000 {
		if left() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d sessions are left", left())
}
