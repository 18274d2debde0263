package client_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/client/clienttest"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

func TestAsyncOperationsSurviveAFailover(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	const n = 500
	var good atomic.Int32
	done := make(chan struct{}, n)
	for i := range n {
		raw := base.EncodeKey(b(fmt.Sprint(i)), nil)
		body := tab.AppendSetArg(nil, raw, b("v"), 0)
		tab.Go(client.OpPut, base.KeyHash(raw), body, 5000, func(code base.ErrorCode, answer []byte) {
			if st, ok := client.ResponseStatus(answer); code == base.ErrOK && ok && st == client.StatusOK {
				good.Add(1)
			}
			done <- struct{}{}
		})
		if i%100 == 50 {
			for p := range 8 {
				fake.MovePrimary("temp", p, i/100%3)
			}
		}
	}
	for range n {
		<-done
	}
	if good.Load() != n {
		t.Fatal(good.Load(), "of", n, "succeeded")
	}
}

func TestAsyncOperationEndsAtItsDeadline(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	fake.Swallow("RPC_RRDB_RRDB_GET", 1000)
	raw := base.EncodeKey(b("h"), nil)
	got := make(chan base.ErrorCode, 2)
	began := time.Now()
	tab.Go(client.OpGet, base.KeyHash(raw), tab.AppendKeyArg(nil, raw), 200, func(code base.ErrorCode, _ []byte) { got <- code })
	for p := range 8 {
		fake.MovePrimary("temp", p, -1)
	}
	check(t, tab.Refresh(t.Context()))
	tab.Go(client.OpGet, base.KeyHash(raw), tab.AppendKeyArg(nil, raw), 200, func(code base.ErrorCode, _ []byte) { got <- code })
	for range 2 {
		if code := <-got; code == base.ErrOK {
			t.Error("succeeded")
		}
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Error("took", d)
	}
}

func TestHandMadeCodecsEqualTheGenerated(t *testing.T) {
	_, _, v1 := open(t, client.Options{})
	_, _, native := open(t, client.Options{Dialect: rpc.Native, DialectSet: true})
	for id, tab := range map[int16]*client.Table{1: v1, 0: native} {
		for _, size := range []int{0, 1, 300, 70000} {
			key, value := bytes.Repeat(b("k"), size+2), bytes.Repeat(b("v"), size)
			want := rpc.AppendValue(nil, id, &rrdb.UpdateRequest{Key: base.BlobOf(key), Value: base.BlobOf(value), ExpireTsSeconds: 77})
			if got := tab.AppendSetArg(nil, key, value, 77); !bytes.Equal(got, want) {
				t.Fatalf("put of %d bytes:\n%x\n%x", size, got, want)
			}
			want = rpc.AppendValue(nil, id, base.BlobOf(key))
			if got := tab.AppendKeyArg(nil, key); !bytes.Equal(got, want) {
				t.Fatalf("key: %x, want %x", got, want)
			}
			answer := rpc.AppendValue(nil, 0, &rrdb.ReadResponse{Error: 1, Value: base.BlobOf(value), Server: "s"})
			st, got, err := client.GetResponse(answer)
			if st != client.StatusNotFound || !bytes.Equal(got, value) || err != nil {
				t.Fatal(st, len(got), err)
			}
		}
	}
}

func FuzzGetResponseNeverPanics(f *testing.F) {
	f.Add(rpc.AppendValue(nil, 0, &rrdb.ReadResponse{Value: base.BlobOf(b("v")), Server: "s"}))
	f.Add([]byte{0x0C, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0x0C, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, body []byte) {
		client.ResponseStatus(body)
		_, value, err := client.GetResponse(body)
		if err == nil && len(value) > len(body) {
			t.Fatal("value longer than the answer")
		}
	})
}

func BenchmarkAsyncGet(bench *testing.B) {
	bench.ReportAllocs()
	tab := benchTable(bench)
	raw := base.EncodeKey(b("h"), nil)
	body := tab.AppendKeyArg(nil, raw)
	slots := make(chan struct{}, 64)
	done := func(base.ErrorCode, []byte) { <-slots }
	for bench.Loop() {
		slots <- struct{}{}
		tab.Go(client.OpGet, base.KeyHash(raw), body, 5000, done)
	}
	for range cap(slots) {
		slots <- struct{}{}
	}
}

// benchTable is a table whose only partition is served by a server that answers without thinking,
// so that what is measured is the client.
func benchTable(bench *testing.B) *client.Table {
	fake := clienttest.New(bench, 1, 1)
	fake.AddTable("temp", 1)
	server := rpc.NewServer(rpc.ServerOptions{})
	answer := rpc.AppendValue(nil, 0, &rrdb.ReadResponse{Value: base.BlobOf(make([]byte, 100)), Server: "s"})
	server.HandleStorage(func(r *rpc.Request) {
		r.ReplyAppend(func(out []byte) []byte { return append(out, answer...) })
	})
	at, err := server.Listen("127.0.0.1:0")
	if err != nil {
		bench.Fatal(err)
	}
	go server.Serve()
	bench.Cleanup(func() { server.Close() })
	fake.SetConfig("temp", 0, func(p *layer2.PartitionConfiguration) { p.Primary = at.Ptr() })
	c, err := client.New(fake.Metas(), client.Options{})
	if err != nil {
		bench.Fatal(err)
	}
	bench.Cleanup(func() { c.Close() })
	tab, err := c.Open(bench.Context(), "temp")
	if err != nil {
		bench.Fatal(err)
	}
	return tab
}
