package client_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/internal/fuzz"
	"github.com/pegasus-go/pegasus/rpc"
)

// lyingServer is meta and primary of a table in one, and answers every data request with what it is told.
func lyingServer(f *testing.F) (meta string, answer *atomic.Pointer[[]byte]) {
	answer = new(atomic.Pointer[[]byte])
	s := rpc.NewServer(rpc.ServerOptions{Logger: slog.New(slog.DiscardHandler)})
	at, err := s.Listen("127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	s.Handle("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", func(r *rpc.Request) {
		r.Reply(&layer2.QueryCfgResponse{Err: base.ErrOK.Ptr(), AppID: 1, PartitionCount: 1, IsStateful: true,
			Partitions: []*layer2.PartitionConfiguration{{Pid: &base.Gpid{AppID: 1}, Ballot: 3, MaxReplicaCount: 1, Primary: at.Ptr()}}})
	})
	s.HandleStorage(func(r *rpc.Request) { r.ReplyBytes(base.ErrOK, *answer.Load()) })
	go s.Serve()
	f.Cleanup(func() { s.Close() })
	return at.String(), answer
}

const scanFor = 5 * time.Millisecond

// FuzzAnswers gives any answer to every operation of a client: each ends, memory is bounded by the answer.
func FuzzAnswers(f *testing.F) {
	kv := &rrdb.KeyValue{Key: base.BlobOf([]byte("\x00\x01hs")), Value: base.BlobOf([]byte("v"))}
	for _, v := range []thrift.TStruct{
		&rrdb.ReadResponse{Value: base.BlobOf([]byte("v")), Server: "s"}, &rrdb.MultiGetResponse{Kvs: []*rrdb.KeyValue{kv, {}}},
		&rrdb.ScanResponse{Kvs: []*rrdb.KeyValue{kv}, ContextID: 5}, &rrdb.ScanResponse{ContextID: -1}, &rrdb.CountResponse{Count: -1}, &rrdb.TTLResponse{TTLSeconds: -2},
		&rrdb.BatchGetResponse{Data: []*rrdb.FullData{{HashKey: base.BlobOf([]byte("h"))}, {}}}, &rrdb.CheckAndSetResponse{Error: 13, CheckValueReturned: true}, &rrdb.UpdateResponse{Error: 1},
	} {
		f.Add(rpc.AppendValue(nil, 0, v))
	}
	meta, answer := lyingServer(f)
	c, err := client.New([]string{meta}, client.Options{OpTimeout: 20 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { c.Close() })
	tab, err := c.Open(context.Background(), "t")
	if err != nil {
		f.Fatal(err)
	}
	h, s := []byte("h"), []byte("s")
	f.Fuzz(func(t *testing.T, body []byte) {
		answer.Store(&body)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		fuzz.Bounded(t, 4096+30*len(body), func() {
			_, _, _ = tab.Get(ctx, h, s)
			_, _, _ = tab.TTL(ctx, h, s)
			_ = tab.Set(ctx, h, s, s, 0)
			_, _ = tab.Incr(ctx, h, s, 1, 0)
			_, _, _ = tab.MultiGet(ctx, h, client.MultiGetOptions{})
			_, _ = tab.MultiDel(ctx, h, [][]byte{s})
			_, _ = tab.SortKeyCount(ctx, h)
			_, _ = tab.BatchGet(ctx, []client.Key{{HashKey: h, SortKey: s}})
			_, _ = tab.CheckAndSet(ctx, h, client.Check{SortKey: s}, s, s, 0)
			sc, err := tab.HashScanner(h, nil, nil, client.ScanOptions{})
			if err != nil {
				t.Fatal(err)
			}
			// A server may feed a scan for ever, with rows or without; the caller's time ends it.
			short, stop := context.WithTimeout(ctx, scanFor)
			defer stop()
			for range 20 {
				if _, ok, err := sc.Next(short); !ok || err != nil {
					break
				}
			}
			sc.Close()
		})
		if ctx.Err() != nil {
			t.Fatalf("answered %x, the operations do not end", body)
		}
	})
}
