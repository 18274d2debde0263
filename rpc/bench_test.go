package rpc

import (
	"fmt"
	"io"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// echo answers like a get of 100 bytes, without thrift objects.
func echo(r *Request) {
	r.ReplyAppend(func(out []byte) []byte { return append(out, hundred...) })
}

var hundred = AppendValue(nil, 0, &rrdb.ReadResponse{Value: base.BlobOf(make([]byte, 100)), Server: "127.0.0.1:34801"})

func echoServer(b *testing.B) base.RPCAddress {
	_, at := serve(b, ServerOptions{}, func(s *Server) { s.HandleStorage(echo) })
	return at
}

func getRequest(d Dialect) []byte {
	c := Call{Name: getCode, Gpid: base.Gpid{AppID: 2, PartitionIndex: 1}, TimeoutMs: 1000,
		Body: AppendValue(nil, 1, base.BlobOf([]byte("\x00\x07hashkeysort")))}
	if d == Native {
		return appendNativeRequest(nil, &c, 1, base.RPCAddress{}, false)
	}
	return appendTHFTRequest(nil, d, &c, 1)
}

// cpu is the user and system time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkEcho has depth requests in flight on one connection, written and read as one piece, so
// that the client costs little; cpu-µs/op is client and server.
func BenchmarkEcho(b *testing.B) {
	for _, d := range []Dialect{THFTv0, THFTv1, Native} {
		for _, depth := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%v/depth=%d", d, depth), func(b *testing.B) {
				c := rawDial(b, echoServer(b))
				c.SetDeadline(time.Time{})
				one := getRequest(d)
				var many []byte
				for range depth {
					many = append(many, one...)
				}
				c.Write(one)
				buf := make([]byte, 64<<10)
				n, _ := c.Read(buf)
				replies := make([]byte, n*depth)
				b.ReportAllocs()
				b.ResetTimer()
				start := cpu()
				for i := 0; i < b.N; i += depth {
					c.Write(many)
					if _, err := io.ReadFull(c, replies); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((cpu()-start).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

// BenchmarkAsyncReply answers from one other goroutine, as a partition does for writes.
func BenchmarkAsyncReply(b *testing.B) {
	for _, batched := range []bool{false, true} {
		b.Run(fmt.Sprintf("batched=%v", batched), func(b *testing.B) {
			queue := make(chan *Request, 1024)
			go func() {
				var batch Batch
				for r := range queue {
					if batched {
						r.DeferFlush(&batch)
					}
					r.ReplyBytes(base.ErrOK, hundred)
					if len(queue) == 0 {
						batch.Flush()
					}
				}
			}()
			_, at := serve(b, ServerOptions{}, func(s *Server) {
				s.HandleStorage(func(r *Request) { r.Keep(); queue <- r })
			})
			const depth = 32
			c := rawDial(b, at)
			c.SetDeadline(time.Time{})
			one := getRequest(THFTv0)
			var many []byte
			for range depth {
				many = append(many, one...)
			}
			c.Write(one)
			n, _ := c.Read(make([]byte, 4096))
			replies := make([]byte, n*depth)
			b.ReportAllocs()
			b.ResetTimer()
			start := cpu()
			for i := 0; i < b.N; i += depth {
				c.Write(many)
				io.ReadFull(c, replies)
			}
			b.ReportMetric(float64((cpu()-start).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// BenchmarkDispatch is parse, dispatch and answer without a socket in between.
func BenchmarkDispatch(b *testing.B) {
	srv := NewServer(ServerOptions{Logger: quiet})
	srv.HandleStorage(echo)
	for _, d := range []Dialect{THFTv0, THFTv1, Native} {
		b.Run(d.String(), func(b *testing.B) {
			s := &session{srv: srv, remote: "bench"}
			s.out.init(&srv.bufs, time.Second)
			s.parse = parseTHFT
			if d == Native {
				s.parse = parseNative
			}
			one := getRequest(d)
			for range 16 {
				s.in.buf = append(s.in.buf, one...)
			}
			s.in.w = len(s.in.buf)
			b.ReportAllocs()
			for i := 0; i < b.N; i += 16 {
				s.in.r = 0
				if _, n, err := s.serveBuffered(); n != 16 || err != nil {
					b.Fatal(n, err)
				}
				s.out.queue.b = s.out.queue.b[:0]
			}
		})
	}
}

// BenchmarkCall has callers goroutines, each waiting for its answer before it asks again.
func BenchmarkCall(b *testing.B) {
	for _, callers := range []int{1, 32, 512} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			at := echoServer(b)
			p := newPool(b, PoolOptions{Dialect: THFTv1})
			body := AppendValue(nil, 1, base.BlobOf([]byte("\x00\x07hashkeysort")))
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			start := cpu()
			for g := range callers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					ch := make(chan base.ErrorCode, 1)
					done := func(code base.ErrorCode, body []byte) { ch <- code }
					for i := g; i < b.N; i += callers {
						p.Go(at, Call{Name: getCode, Gpid: base.Gpid{AppID: 2}, Body: body}, done)
						if code := <-ch; code != base.ErrOK {
							b.Error(code)
							return
						}
					}
				}()
			}
			wg.Wait()
			b.ReportMetric(float64((cpu()-start).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

func BenchmarkCodec(b *testing.B) {
	res := &rrdb.ReadResponse{Value: base.BlobOf(make([]byte, 100)), Server: "127.0.0.1:34801"}
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			out = AppendValue(out[:0], 0, res)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		wire := AppendValue(nil, 0, res)
		for b.Loop() {
			var got rrdb.ReadResponse
			if _, err := ReadValue(wire, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}
