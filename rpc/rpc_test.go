package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

var quiet = slog.New(slog.DiscardHandler)

// serve starts a server for the length of a test.
func serve(t testing.TB, opts ServerOptions, register func(*Server)) (*Server, base.RPCAddress) {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = quiet
	}
	s := NewServer(opts)
	register(s)
	at, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, at
}

func newPool(t testing.TB, opts PoolOptions) *Pool {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = quiet
	}
	if opts.TimeoutMs == 0 {
		opts.TimeoutMs = 60000 // machines may be busy
	}
	p := NewPool(opts)
	t.Cleanup(func() { p.Close() })
	return p
}

// rawDial connects for a test that writes bytes by itself.
func rawDial(t testing.TB, at base.RPCAddress) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(60 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// get answers with the key as value, like a store where every key holds itself.
func get(r *Request) {
	var key base.Blob
	if r.Decode(&key) != nil {
		r.ReplyError(base.ErrInvalidData)
		return
	}
	r.Reply(&rrdb.ReadResponse{Value: &key, AppID: r.Gpid.AppID, PartitionIndex: r.Gpid.PartitionIndex, Server: "s"})
}

const getCode = "RPC_RRDB_RRDB_GET"

func dialects(t *testing.T, f func(t *testing.T, d Dialect)) {
	for _, d := range []Dialect{Native, THFTv0, THFTv1} {
		t.Run(d.String(), func(t *testing.T) { f(t, d) })
	}
}

func TestCallAnswersInEveryDialect(t *testing.T) {
	dialects(t, func(t *testing.T, d Dialect) {
		type facts struct {
			name    string
			gpid    base.Gpid
			timeout int32
			hash    uint64
			backup  bool
			dialect Dialect
		}
		seen := make(chan facts, 1)
		_, at := serve(t, ServerOptions{}, func(s *Server) {
			s.HandleStorage(func(r *Request) {
				seen <- facts{r.Name, r.Gpid, r.TimeoutMs, r.PartitionHash, r.Backup, r.Dialect}
				get(r)
			})
		})
		p := newPool(t, PoolOptions{Dialect: d, Checksum: true})
		call := Call{Name: getCode, Gpid: base.Gpid{AppID: 3, PartitionIndex: 7}, TimeoutMs: 2000,
			PartitionHash: 0xfedcba9876543210, Backup: d != THFTv0,
			Body: AppendValue(nil, p.ArgField(), base.BlobOf([]byte("key")))}
		var res rrdb.ReadResponse
		if err := p.Call(context.Background(), at, call, &res); err != nil {
			t.Fatal(err)
		}
		if string(res.Value.Data) != "key" || res.AppID != 3 || res.PartitionIndex != 7 {
			t.Fatalf("got %+v", res)
		}
		want := facts{call.Name, call.Gpid, 2000, call.PartitionHash, call.Backup, d}
		if got := <-seen; got != want {
			t.Fatalf("handler saw %+v, want %+v", got, want)
		}
	})
}

func TestUnknownNameAndUnservedName(t *testing.T) {
	dialects(t, func(t *testing.T, d Dialect) {
		_, at := serve(t, ServerOptions{}, func(s *Server) {})
		p := newPool(t, PoolOptions{Dialect: d})
		for _, name := range []string{"RPC_NO_SUCH_THING", getCode, "RPC_CM_LIST_APPS", ""} {
			for _, app := range []int32{-1, 0, 5} {
				err := p.Call(context.Background(), at, Call{Name: name, Gpid: base.Gpid{AppID: app}}, nil)
				if err != base.ErrHandlerNotFound {
					t.Errorf("%q with app id %d: %v", name, app, err)
				}
			}
		}
	})
}

func TestConnectionRefusedFailsAtOnce(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at, _ := base.ParseAddress(l.Addr().String())
	l.Close()
	p := newPool(t, PoolOptions{})
	start := time.Now()
	err = p.Call(context.Background(), at, Call{Name: getCode, TimeoutMs: 20000}, nil)
	if err != base.ErrNetworkFailure || time.Since(start) > 2*time.Second {
		t.Fatalf("%v after %v", err, time.Since(start))
	}
}

func TestCallTimesOut(t *testing.T) {
	_, at := serve(t, ServerOptions{}, func(s *Server) {
		s.Handle("RPC_LEARN", func(r *Request) { r.Drop() })
	})
	p := newPool(t, PoolOptions{})
	start := time.Now()
	err := p.Call(context.Background(), at, Call{Name: "RPC_LEARN", TimeoutMs: 100}, nil)
	if took := time.Since(start); err != base.ErrTimeout || took < 100*time.Millisecond || took > 2*time.Second {
		t.Fatalf("%v after %v", err, took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := p.Call(ctx, at, Call{Name: "RPC_LEARN", TimeoutMs: 60000}, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func readN(t testing.TB, c net.Conn, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if got, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("read %d of %d bytes: %v", got, n, err)
	}
	return b
}

// wantClosed fails unless the peer closes the connection without sending anything.
func wantClosed(t testing.TB, c net.Conn) {
	t.Helper()
	if b, err := io.ReadAll(c); len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("want a closed connection, got %x, %v", b, err)
	}
}

func leUint64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// badValue cannot be written.
type badValue struct{ rrdb.ReadResponse }

func (badValue) Write(context.Context, thrift.TProtocol) error { return errors.New("no") }
func (badValue) Read(context.Context, thrift.TProtocol) error  { return errors.New("no") }

func sameType(a, b any) bool { return reflect.TypeOf(a) == reflect.TypeOf(b) }
