package rpc

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
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

// TestReceive: whatever the pieces and pauses, every byte arrives in order, and then the end. Nothing comes twice to wake the reader,
// so one wake that is missed hangs it.
func TestReceive(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	for seed := range uint64(rounds) {
		near, far := pair(t)
		rng := rand.New(rand.NewPCG(seed, 3))
		total := rng.IntN(200_000)
		go func() {
			next := 0
			for next < total {
				piece := make([]byte, min(total-next, 1+rng.IntN(1<<rng.IntN(17))))
				for i := range piece {
					piece[i] = byte(next)
					next++
				}
				far.Write(piece)
				switch rng.IntN(4) {
				case 0:
					time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
				case 1:
					runtime.Gosched()
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
		var in inbox
		got := 0
		err = s.receive(&in, func(n int) (int, error) {
			if n != len(in.data()) {
				t.Fatalf("seed %d: told of %d bytes, there are %d", seed, n, len(in.data()))
			}
			for _, b := range in.data() {
				if b != byte(got) {
					t.Fatalf("seed %d: byte %d is %#x", seed, got, b)
				}
				got++
			}
			in.consume(n)
			return 0, nil
		})
		if err != io.EOF || got != total {
			t.Fatalf("seed %d: %d of %d bytes, then %v", seed, got, total, err)
		}
		near.Close()
		far.Close()
	}
}

// TestReceiveEnds: a deadline, an error of the callback and a close from elsewhere each end it.
func TestReceiveEnds(t *testing.T) {
	near, far := pair(t)
	s, err := newSocket(near)
	if err != nil {
		t.Fatal(err)
	}
	var in inbox
	mine := errors.New("mine")
	far.Write([]byte("x"))
	if err := s.receive(&in, func(int) (int, error) { return 0, mine }); err != mine {
		t.Errorf("error of the callback: %v", err)
	}
	near.SetReadDeadline(time.Unix(1, 0))
	if err := s.receive(&in, func(int) (int, error) { return 0, nil }); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	near.SetReadDeadline(time.Time{})
	far.Write([]byte("x"))
	closed := make(chan struct{})
	err = s.receive(&in, func(int) (int, error) {
		go func() {
			near.Close()
			close(closed)
		}()
		return 0, nil
	})
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("close: %v", err)
	}
	<-closed
}

// TestLastRequestOfAPeer: a peer that sends a request and closes its side at once gets its answer, and its connection does not stay.
func TestLastRequestOfAPeer(t *testing.T) {
	srv := NewServer(ServerOptions{})
	defer srv.Close()
	srv.Handle("RPC_CM_CLUSTER_INFO", func(r *Request) { r.ReplyString("here") })
	call := Call{Name: "RPC_CM_CLUSTER_INFO", TimeoutMs: 1000, Body: AppendI64(nil, FieldTHFT, 1)}
	for range 200 {
		near, far := pair(t)
		srv.wg.Add(1)
		sess := newSession(srv, near, "")
		far.Write(appendTHFTRequest(nil, THFTv1, &call, 1))
		far.CloseWrite()
		go sess.run()
		answer, err := io.ReadAll(far)
		if err != nil || len(answer) == 0 {
			t.Fatalf("answer of %d bytes, %v", len(answer), err)
		}
	}
}
