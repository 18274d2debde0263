package baseline

import (
	"fmt"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/client/clienttest"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	genrrdb "github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/rrdb"
)

const (
	partOps    = 2000
	manyRows   = 100 // of a multi_get, a scan
	valueBytes = 100
	putsABatch = 32
)

func measureParts(t *testing.T, now *results) {
	measureRPC(t, now)
	measureClient(t, now)
	measureStore(t, now)
	measureCore(t, now)
	measureLog(t, now)
}

var getAnswer = rpc.AppendValue(nil, 0, &genrrdb.ReadResponse{Value: base.BlobOf(make([]byte, valueBytes)), Server: "127.0.0.1:34801"})

// answering is a server that answers every request with a row of 100 bytes, without looking at it.
func answering(t *testing.T) base.RPCAddress {
	t.Helper()
	server := rpc.NewServer(rpc.ServerOptions{})
	server.HandleStorage(func(r *rpc.Request) {
		r.ReplyAppend(func(out []byte) []byte { return append(out, getAnswer...) })
	})
	at, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve()
	t.Cleanup(func() { server.Close() })
	return at
}

// measureRPC is a request and its answer, both sides, over a connection.
func measureRPC(t *testing.T, now *results) {
	at := answering(t)
	pool := rpc.NewPool(rpc.PoolOptions{Dialect: rpc.THFTv1})
	t.Cleanup(func() { pool.Close() })
	call := rpc.Call{Name: client.OpGet.TaskCode(), Gpid: base.Gpid{AppID: 2}, TimeoutMs: 10_000, Body: rpc.AppendValue(nil, 1, base.BlobOf(base.EncodeKey([]byte("h"), []byte("s"))))}
	answers := make(chan base.ErrorCode, 1)
	done := func(code base.ErrorCode, _ []byte) { answers <- code }
	now.part(t, "rpc_round_trip", partOps, func(int) {
		pool.Go(at, call, done)
		if code := <-answers; code != base.ErrOK {
			t.Fatal(code)
		}
	})
}

// measureClient is a table's handle against a server that does nothing, and the codecs.
func measureClient(t *testing.T, now *results) {
	fake := clienttest.New(t, 1, 1)
	fake.AddTable("temp", 1)
	at := answering(t)
	fake.SetConfig("temp", 0, func(p *layer2.PartitionConfiguration) { p.Primary = at.Ptr() })
	c, err := client.New(fake.Metas(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	table, err := c.Open(t.Context(), "temp")
	if err != nil {
		t.Fatal(err)
	}
	hashKey, sortKey, value := []byte("h"), []byte("s"), make([]byte, valueBytes)
	now.part(t, "client_get", partOps, func(int) {
		if _, found, err := table.Get(t.Context(), hashKey, sortKey); err != nil || !found {
			t.Fatal(found, err)
		}
	})
	raw := base.EncodeKey(hashKey, sortKey)
	out := make([]byte, 0, 4096)
	now.part(t, "client_encode_set", partOps, func(int) { out = table.AppendSetArg(out[:0], raw, value, 0) })
	now.part(t, "client_decode_get", partOps, func(int) {
		if _, v, err := client.GetResponse(getAnswer); err != nil || len(v) != valueBytes {
			t.Fatal(len(v), err)
		}
	})
}

// measureStore reads and writes one store in memory.
func measureStore(t *testing.T, now *results) {
	engine := rrdb.NewEngine(rrdb.EngineOptions{FS: vfs.NewMem(), Deterministic: true, SweepPeriod: -1})
	store, err := engine.Open("db", rrdb.StoreOptions{Gpid: base.Gpid{AppID: 2}, Server: "127.0.0.1:34801"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close(); engine.Close() })
	body := func(v thrift.TStruct) []byte { return rpc.AppendValue(nil, 1, v) }
	keyOf := func(i int) *base.Blob {
		return base.BlobOf(base.EncodeKey([]byte("wide"), fmt.Appendf(nil, "%08d", i)))
	}
	value := base.BlobOf(make([]byte, valueBytes))
	batch := make([]rrdb.Update, putsABatch)
	apply := func(at int) {
		decree := store.LastApplied() + 1
		if err := store.Apply(decree, 1_000_000+decree, 0, batch, func(int, []byte) {}); err != nil {
			t.Fatalf("apply batch %d: %v", at, err)
		}
	}
	for first := 0; first < 2*manyRows; first += putsABatch {
		for i := range batch {
			batch[i] = rrdb.Update{Op: rrdb.OpPut, Body: body(&genrrdb.UpdateRequest{Key: keyOf(first + i), Value: value})}
		}
		apply(first)
	}
	if err := store.Flush(); err != nil {
		t.Fatal(err)
	}
	rc := rrdb.ReadContext{Now: 1, PartitionVersion: 0}
	var out []byte
	read := func(name string, op rrdb.Op, n, rows int, arg []byte) {
		now.part(t, name, n, func(int) {
			var st rrdb.ReadStat
			if out, st = store.Read(op, arg, out[:0], rc); st.Err != base.ErrOK || st.Rows != rows {
				t.Fatalf("%s: %+v, want %d rows", name, st, rows)
			}
		})
	}
	read("store_get", rrdb.OpGet, partOps, 1, body(keyOf(7)))
	read("store_miss", rrdb.OpGet, partOps, 0, body(base.BlobOf(base.EncodeKey([]byte("none"), nil))))
	rows := genrrdb.NewMultiGetRequest()
	rows.HashKey, rows.MaxKvCount, rows.StartInclusive = base.BlobOf([]byte("wide")), manyRows, true
	read("store_multi_get_100", rrdb.OpMultiGet, partOps/10, manyRows, body(rows))
	scan := genrrdb.NewGetScannerRequest()
	scan.StartKey, scan.StopKey, scan.StartInclusive, scan.BatchSize = keyOf(0), keyOf(2*manyRows), true, manyRows
	read("store_scan_100", rrdb.OpGetScanner, partOps/10, manyRows, body(scan))
	now.part(t, "store_apply_32", partOps/10, apply)
}

// measureCore is a write on a primary with two secondaries: prepare, both answers, the log, commit.
func measureCore(t *testing.T, now *results) {
	a, b, c := base.AddressOf(0x7F000001, 34801), base.AddressOf(0x7F000001, 34802), base.AddressOf(0x7F000001, 34803)
	core := pacifica.New(base.Gpid{AppID: 2}, a, pacifica.Params{}, 0, 0, 0)
	clock := pacifica.Clock{MonoMs: 1, WallUs: 1000}
	config := pacifica.Config{Ballot: 3, MaxReplicaCount: 3, Primary: a, Secondaries: []pacifica.Node{b, c}}
	for _, e := range core.Step(clock, pacifica.ProposalReceived{Type: metaadmin.ConfigType_CT_ASSIGN_PRIMARY, Node: a, Config: pacifica.Config{Ballot: 2, MaxReplicaCount: 3}}) {
		if ask, ok := e.(pacifica.UpdateMeta); ok {
			core.Step(clock, pacifica.MetaReplied{Seq: ask.Seq, Err: base.ErrOK, Config: config})
			break
		}
	}
	if core.Status() != pacifica.Primary {
		t.Fatalf("the core is %v, not primary", core.Status())
	}
	body := make([]byte, valueBytes)
	var events []pacifica.Event
	now.part(t, "core_write", partOps, func(i int) {
		clock.WallUs++
		events = events[:0]
		for _, e := range core.Step(clock, pacifica.Write{Update: pacifica.Update{Code: rrdb.OpPut.TaskCode(), Body: body, Token: uint64(i + 1)}}) {
			switch e := e.(type) {
			case pacifica.SendPrepare:
				events = append(events, pacifica.PrepareReplied{From: e.To, Ballot: e.Ballot, Decree: e.Mutation.Decree, Round: e.Round, Err: base.ErrOK})
			case pacifica.Append:
				events = append(events, pacifica.Logged{Ballot: e.Mutation.Ballot, Decree: e.Mutation.Decree})
			}
		}
		core.Step(clock, events...)
		if core.LastCommitted() != int64(i+1) {
			t.Fatalf("write %d: committed up to %d", i+1, core.LastCommitted())
		}
	})
}

// measureLog appends to a log on the disk and waits for each append; the disk is not asked to sync.
func measureLog(t *testing.T, now *results) {
	log, err := plog.Open(t.TempDir(), plog.Options{Sync: plog.SyncNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	entries := []plog.Entry{{Ballot: 1, Data: make([]byte, 250)}}
	results := make(chan error, 1)
	done := func(err error) { results <- err }
	now.part(t, "log_append", partOps, func(i int) {
		entries[0].Decree = int64(i + 1)
		log.Append(entries, done)
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	})
}
