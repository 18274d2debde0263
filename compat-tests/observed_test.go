package compattests

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// TestObserved holds the server to what was measured on a running original.
func TestObserved(t *testing.T) {
	c := cluster.Start(t, cluster.Options{})
	before := c.Pids()
	for _, s := range []struct {
		claim string
		show  func(*testing.T, *cluster.Cluster)
	}{
		{"scans: the context id grows by one with every answer, -1 ends, a stale one is error 1", scanContexts},
		{"scans: an empty stop key is an empty range", scanEmptyRange},
		{"scans: options and the count-only mode", scanOptions},
		{"clear_scanner is never answered", clearScanner},
		{"a failed check and a refused increment consume a decree", failuresConsumeDecrees},
		{"errors in the frame end after the message begin", frameErrors},
		{"get with a wrong partition_hash of the same partition is answered", getWithOtherHash},
		{"metas: odd names and odd partition counts are taken", oddTables},
		{"metas: followers forward, with a hint in query_cfg", followersForward},
		{"http: kept alive, pipelined, GET and POST only", httpSharesThePort},
		{"survives: put with a short or broken key", shortKeys},
		{"survives: put with a partition_hash of another row", wrongHashWrites},
		{"survives: replica calls at a meta, meta calls at a replica", wrongServer},
		{"survives: frames with a garbage body", garbageBodies},
		{"survives: a wrong thread hash", wrongThreadHash},
		{"survives: shell hash_scan that stops early", shellStopsEarly},
		{"survives: localhost and 127.0.0.1 in one meta list", mixedMetaList},
		{"survives: bad magic, cut and oversized frames", brokenFrames},
	} {
		t.Run(strings.ReplaceAll(s.claim, " ", "_"), func(t *testing.T) {
			s.show(t, c)
			c.AssertAlive(before)
			tb := openTable(t, c, "temp")
			for i := range 16 {
				h := fmt.Sprint("alive ", i)
				tb.put(h, "k", s.claim)
				tb.expectValue(h, "k", s.claim)
			}
		})
	}
}

// getScanner starts a scan over one hash key unless change says otherwise.
func (c caller) getScanner(hash string, batch int32, change func(*thft.Args)) result {
	c.t.Helper()
	return c.do("GET_SCANNER", hash, thft.Wrap(func(a *thft.Args) {
		a.Blob(1, thft.Key(hash, "")).Blob(2, thft.Key(hash, "\xff\xff")).Bool(3, true).Bool(4, false).I32(5, batch)
		if change != nil {
			change(a)
		}
	}))
}

func (c caller) scan(hash string, context int64) result {
	c.t.Helper()
	return c.do("SCAN", hash, thft.Wrap(func(a *thft.Args) { a.I64(1, context) }))
}

func rows(r result) (keys []string) {
	for _, kv := range r[2].([]any) {
		keys = append(keys, kv.(map[int16]any)[1].(string))
	}
	return keys
}

func (c caller) fill(hash string, n int) {
	for i := range n {
		c.put(hash, fmt.Sprintf("%02d", i), "v")
	}
}

func scanContexts(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.fill("contexts", 7)
	first := tb.getScanner("contexts", 2, nil)
	id := first[3].(int64)
	if first.err() != 0 || id <= 0 || len(rows(first)) != 2 {
		t.Fatalf("first batch of two: %v", first)
	}
	stale := id
	total := 2
	for next := int64(0); next != -1; {
		r := tb.scan("contexts", id)
		if r.err() != 0 {
			t.Fatalf("scan %d: %v", id, r)
		}
		total += len(rows(r))
		if next = r[3].(int64); next != -1 && next != id+1 {
			t.Fatalf("context %d is followed by %d", id, next)
		}
		if next != -1 {
			id = next
		}
	}
	if total != 7 {
		t.Errorf("%d rows of 7", total)
	}
	// A Go client asks for context 0 after a failed call, and starts again when told that it is unknown.
	for _, old := range []int64{stale, id, 0, -1, 1 << 40, -5} {
		if r := tb.scan("contexts", old); r.err() != 1 {
			t.Errorf("scan with the stale context %d: %v, want error 1", old, r)
		}
	}
	whole := tb.getScanner("contexts", 100, nil)
	if whole[3] != int64(-1) || len(rows(whole)) != 7 {
		t.Errorf("a scan that fits into one batch is finished: %v", whole)
	}
}

func scanEmptyRange(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.fill("empty range", 3)
	for _, stop := range [][]byte{nil, thft.Key("empty range", "")} {
		r := tb.do("GET_SCANNER", "empty range", thft.Wrap(func(a *thft.Args) {
			a.Blob(1, thft.Key("empty range", "")).Blob(2, stop).Bool(3, true).Bool(4, false).I32(5, 10)
		}))
		// The original answers context 0 here, which clients take for a live one; -1 is what ends them.
		if id := r[3].(int64); r.err() != 0 || len(rows(r)) != 0 || (id != 0 && id != -1) {
			t.Errorf("stop key %q: %v", stop, r)
		}
	}
}

func scanOptions(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.fill("options", 5)
	tb.do("PUT", "options", thft.Wrap(func(a *thft.Args) {
		a.Blob(1, thft.Key("options", "99")).Blob(2, []byte("expires")).I32(3, expiresIn(time.Hour))
	}))
	counted := tb.getScanner("options", 100, func(a *thft.Args) { a.Bool(14, true) })
	if counted.err() != 0 || len(rows(counted)) != 0 || counted[7] != int32(6) {
		t.Errorf("only_return_count: %v, want kv_count 6", counted)
	}
	r := tb.getScanner("options", 100, func(a *thft.Args) { a.Bool(6, true).Bool(12, true) })
	last := r[2].([]any)[5].(map[int16]any)
	if ttl, _ := last[3].(int32); last[2] != "" || ttl < expiresIn(59*time.Minute) {
		t.Errorf("no_value and return_expire_ts: %v", last)
	}
	both := tb.getScanner("options", 100, func(a *thft.Args) {
		a.I32(7, 2).Blob(8, []byte("opt")).I32(9, 3).Blob(10, []byte("3"))
	})
	if got := rows(both); len(got) != 1 || got[0] != string(thft.Key("options", "03")) {
		t.Errorf("hash key prefix and sort key postfix: %q", got)
	}
	if r := tb.getScanner("options", 100, func(a *thft.Args) { a.I32(9, 77).Blob(10, []byte("x")) }); r.err() != 4 {
		t.Errorf("an unknown filter: %v, want error 4", r)
	}
}

func clearScanner(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.fill("clear", 5)
	id := tb.getScanner("clear", 2, nil)[3].(int64)
	p := tb.PartitionOf("clear")
	h := thft.Header{AppID: tb.AppID, Partition: p, TimeoutMs: 5000, PartitionHash: thft.Hash("clear")}
	var clear thft.Args
	clear.I64(1, id).Stop()
	conn := dial(t, tb.Partitions[p].Primary)
	if err := conn.Send(h.Frame(thft.Body("RPC_RRDB_RRDB_CLEAR_SCANNER", 77, clear))); err != nil {
		t.Fatal(err)
	}
	// The next answer on the connection belongs to the next request.
	time.Sleep(100 * time.Millisecond)
	r, err := conn.Call("RPC_RRDB_RRDB_GET", h, thft.WrapBlob(thft.Key("clear", "00")))
	if err != nil || r.Err != "ERR_OK" {
		t.Fatalf("get after clear_scanner: %v %v", r, err)
	}
	if r := tb.scan("clear", id); r.err() != 1 {
		t.Errorf("scan of a cleared context: %v, want error 1", r)
	}
}

func failuresConsumeDecrees(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	start := tb.put("decree", "text", "no number")[4].(int64)
	if r := tb.incr("decree", "text", 1, 0); r.err() != 4 {
		t.Errorf("incr of a text: %v, want error 4", r)
	}
	if r := tb.mutate("decree", "absent", 3, "", mutation{"x", nil, 0}); r.err() != 13 {
		t.Errorf("a failed check: %v, want error 13", r)
	}
	if end := tb.put("decree", "text", "x")[4].(int64); end < start+3 {
		t.Errorf("decree %d, then two failures, then %d", start, end)
	}
}

func frameErrors(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	replica, meta := tb.Partitions[0].Primary, c.Leader()
	get := thft.WrapBlob(thft.Key("k", ""))
	for _, f := range []struct {
		to, rpc, want string
		h             thft.Header
	}{
		{replica, "RPC_RRDB_RRDB_GET", "ERR_OBJECT_NOT_FOUND", thft.Header{AppID: 9999}},
		{replica, "RPC_RRDB_RRDB_GET", "ERR_OBJECT_NOT_FOUND", thft.Header{AppID: tb.AppID, Partition: 77}},
		{replica, "RPC_RRDB_RRDB_GET", "ERR_OBJECT_NOT_FOUND", thft.Header{AppID: tb.AppID, Partition: -1}},
		{replica, "RPC_RRDB_RRDB_REMOVE", "ERR_OBJECT_NOT_FOUND", thft.Header{AppID: 9999}},
		{replica, "RPC_NO_SUCH_THING", "ERR_HANDLER_NOT_FOUND", thft.Header{}},
		{meta, "RPC_NO_SUCH_THING", "ERR_HANDLER_NOT_FOUND", thft.Header{}},
		{replica, "get", "ERR_HANDLER_NOT_FOUND", thft.Header{}},
	} {
		r, err := dial(t, f.to).Call(f.rpc, f.h, get)
		if err != nil || r.Err != f.want || len(r.Body) != 0 {
			t.Errorf("%s to %d.%d: %+v %v, want %s and no body", f.rpc, f.h.AppID, f.h.Partition, r, err, f.want)
		}
	}
}

func getWithOtherHash(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.put("other hash", "k", "v")
	h := thft.Header{AppID: tb.AppID, Partition: tb.PartitionOf("other hash"), PartitionHash: thft.Hash("other hash")}
	for _, hash := range []uint64{0, h.PartitionHash + 1, h.PartitionHash + uint64(len(tb.Partitions)), uint64(h.Partition)} {
		h.PartitionHash = hash
		r, err := tb.CallAt(tb.Partitions[h.Partition].Primary, "GET", h, thft.WrapBlob(thft.Key("other hash", "k")))
		if err != nil || r[2] != "v" {
			t.Errorf("partition_hash %x: %v %v", hash, r, err)
		}
	}
}

func oddTables(t *testing.T, c *cluster.Cluster) {
	for name, partitions := range map[string]int32{"odd name! é": 1, "three": 3} {
		c.CreateTable(name, partitions)
		tb := openTable(t, c, name)
		if len(tb.Partitions) != int(partitions) {
			t.Errorf("%q has %d partitions", name, len(tb.Partitions))
		}
		for i := range 10 {
			h := fmt.Sprint(i)
			tb.put(h, "k", "v")
			tb.expectValue(h, "k", "v")
		}
	}
}

func followersForward(t *testing.T, c *cluster.Cluster) {
	leader, followers := c.Leader(), 0
	for _, m := range c.Metas {
		if m == leader {
			continue
		}
		followers++
		cfg, err := thft.Query(m, "temp")
		if err != nil || cfg.Err != "ERR_FORWARD_TO_OTHERS" || len(cfg.Partitions) != 1 || cfg.Partitions[0].Primary != leader {
			t.Errorf("query_cfg at the follower %s: %+v %v, want the hint %s", m, cfg, err, leader)
		}
		r, err := thft.AskMeta(m, "LIST_APPS", func(a *thft.Args) { a.I32(1, 1) })
		if err != nil || r[1] != "ERR_FORWARD_TO_OTHERS" {
			t.Errorf("list_apps at the follower %s: %v %v", m, r, err)
		}
	}
	if followers != 2 {
		t.Errorf("%d followers", followers)
	}
}

func httpSharesThePort(t *testing.T, c *cluster.Cluster) {
	for _, addr := range []string{c.Leader(), c.Replicas[0]} {
		conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		request := "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
		if _, err := io.WriteString(conn, request+request); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		for i := range 2 {
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("pipelined answer %d of %s: %v", i+1, addr, err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode >= 500 || len(body) == 0 {
				t.Errorf("GET / at %s: %s %q %v", addr, r.Status, body, err)
			}
		}
		if _, err := io.WriteString(conn, "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n"); err == nil {
			if r, err := http.ReadResponse(in, nil); err == nil && r.StatusCode < 400 {
				t.Errorf("DELETE at %s: %s", addr, r.Status)
			}
		}
	}
}

// closed says that the server ended the connection.
func closed(err error) bool {
	return err != nil && !errors.Is(err, thft.ErrNoAnswer)
}
