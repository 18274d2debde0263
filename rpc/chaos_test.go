package rpc

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Every way to answer at once, answers of all sizes, tight limits, and connections that break: each
// call ends exactly once, with its own answer or a network failure, and none is forgotten.
func TestChaos(t *testing.T) {
	const answerMax = 200 << 10
	filler := bytes.Repeat([]byte{0xEE}, answerMax)
	queue := make(chan *Request, 4096)
	// reply sends back the argument, followed by as much filler as its first bytes ask for.
	reply := func(r *Request) {
		size := int(binary.BigEndian.Uint32(r.Body)) % answerMax
		switch r.Body[4] % 3 {
		case 0:
			r.ReplyAppend(func(out []byte) []byte { return append(append(out, r.Body...), filler[:size]...) })
		case 1:
			r.ReplyBytes(base.ErrOK, append(bytes.Clone(r.Body), filler[:size]...))
		case 2:
			r.ReplyTry(func(out []byte) ([]byte, base.ErrorCode) {
				return append(out, "dropped"...), base.ErrorCode{Name: "ERR_" + string(r.Body[5:13])}
			})
		}
	}
	var workers sync.WaitGroup
	for i := range 3 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			var b Batch
			for r := range queue {
				if i == 0 {
					r.DeferFlush(&b)
				}
				reply(r)
				if len(queue) == 0 {
					b.Flush()
				}
			}
			b.Flush()
		}()
	}
	s, at := serve(t, ServerOptions{InFlightMax: 50, OutBufferBytesMax: 1 << 20}, func(s *Server) {
		s.Handle("RPC_LEARN", func(r *Request) {
			if r.Body[13]%2 == 0 {
				reply(r)
				return
			}
			r.Keep()
			queue <- r
		})
	})
	defer func() { s.Close(); close(queue); workers.Wait() }() // handlers, then workers
	dialects(t, func(t *testing.T, d Dialect) { chaosCalls(t, d, at) })
}

func chaosCalls(t *testing.T, d Dialect, at base.RPCAddress) {
	p := newPool(t, PoolOptions{Dialect: d, Checksum: true, ConnsPerPeerMax: 2, TimeoutMs: 60000})
	var open sync.WaitGroup
	var ok, failed, wrong atomic.Int64
	rnd := rand.New(rand.NewPCG(uint64(d), 9))
	var b Batch
	for i := range 3000 {
		args := make([]byte, 14)
		for j := range args {
			args[j] = byte('0' + rnd.IntN(10))
		}
		if binary.BigEndian.PutUint32(args, uint32(rnd.IntN(2000))); i%100 == 0 {
			binary.BigEndian.PutUint32(args, rnd.Uint32())
		}
		open.Add(1)
		done := func(code base.ErrorCode, body []byte) {
			defer open.Done()
			switch {
			case code == base.ErrNetworkFailure:
				failed.Add(1)
			case code == base.ErrOK && args[4]%3 != 2 && bytes.HasPrefix(body, args),
				code.Name == "ERR_"+string(args[5:13]) && len(body) == 0:
				ok.Add(1)
			default:
				wrong.Add(1)
			}
		}
		c := Call{Name: "RPC_LEARN", Gpid: base.Gpid{PartitionIndex: int32(i)}, Body: args}
		if i%3 == 0 {
			p.GoBatch(&b, at, c, done)
		} else {
			p.Go(at, c, done)
		}
		switch {
		case i%500 == 499:
			p.CloseConn(at)
		case i%37 == 0:
			b.Flush()
			time.Sleep(time.Millisecond)
		}
	}
	b.Flush()
	ended := make(chan bool)
	go func() { open.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatalf("calls are stuck: %d answered, %d failed", ok.Load(), failed.Load())
	}
	if wrong.Load() > 0 || ok.Load() == 0 || failed.Load() == 0 {
		t.Errorf("%d right, %d failed, %d wrong", ok.Load(), failed.Load(), wrong.Load())
	}
}
