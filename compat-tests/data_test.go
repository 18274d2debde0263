package compattests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// caller makes storage calls and fails the test when one does not end in a result.
type caller struct {
	*thft.Table
	t *testing.T
}

func openTable(t *testing.T, c *cluster.Cluster, name string) caller {
	t.Helper()
	tb, err := thft.Open(c.Metas, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tb.Close)
	return caller{tb, t}
}

// result is a decoded answer by field id.
type result map[int16]any

func (r result) err() int32 { return r[1].(int32) }

func (c caller) do(op, hashKey string, args []byte) result {
	c.t.Helper()
	m, err := c.Call(op, hashKey, args)
	if err != nil {
		c.t.Fatalf("%s %q: %v", op, hashKey, err)
	}
	return m
}

func (c caller) put(hashKey, sortKey, value string) result {
	c.t.Helper()
	return c.do("PUT", hashKey, thft.Wrap(func(a *thft.Args) {
		a.Blob(1, thft.Key(hashKey, sortKey)).Blob(2, []byte(value)).I32(3, 0)
	}))
}

func (c caller) get(hashKey, sortKey string) result {
	c.t.Helper()
	return c.do("GET", hashKey, thft.WrapBlob(thft.Key(hashKey, sortKey)))
}

func (c caller) expectValue(hashKey, sortKey, want string) {
	c.t.Helper()
	if r := c.get(hashKey, sortKey); r.err() != 0 || r[2] != want {
		c.t.Fatalf("get %q %q: %v, want %q", hashKey, sortKey, r, want)
	}
}

func (c caller) ttl(hashKey, sortKey string) int32 {
	c.t.Helper()
	r := c.do("TTL", hashKey, thft.WrapBlob(thft.Key(hashKey, sortKey)))
	if r.err() != 0 {
		c.t.Fatalf("ttl %q %q: %v", hashKey, sortKey, r)
	}
	return r[2].(int32)
}

// epoch is the zero of expiry times.
const epoch = 1451606400

func expiresIn(d time.Duration) int32 { return int32(time.Now().Add(d).Unix() - epoch) }

// TestHeaderVersions makes the calls of the Java clients (1.x speaks header version 0, 2.x version 1), those among them that no
// obtainable library makes included.
func TestHeaderVersions(t *testing.T) {
	c := cluster.Start(t, cluster.Options{InProcess: true})
	for version := range 2 {
		t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
			tb := openTable(t, c, "temp")
			tb.Version = version
			hash := fmt.Sprintf("versions %d", version)
			t.Run("batch_get", func(t *testing.T) { caller{tb.Table, t}.batchGet(hash) })
			t.Run("check_and_mutate", func(t *testing.T) { caller{tb.Table, t}.checkAndMutate(hash + " cam") })
			t.Run("incr", func(t *testing.T) { caller{tb.Table, t}.incrTTL(hash + " incr") })
			t.Run("multi_get", func(t *testing.T) { caller{tb.Table, t}.multiGetOrders(hash + " order") })
			t.Run("hash_key_empty", func(t *testing.T) { caller{tb.Table, t}.emptyHashKey(hash) })
		})
	}
	t.Run("backup requests", func(t *testing.T) { backupRequests(t, c) })
	t.Run("any field id", func(t *testing.T) { anyFieldID(t, c) })
	t.Run("pipelining", func(t *testing.T) { pipelining(t, c) })
	t.Run("secondaries", func(t *testing.T) { secondaries(t, c) })
}

func (c caller) batchGet(hash string) {
	c.put(hash, "a", "1")
	c.put(hash, "b", "")
	keys := []string{"b", "absent", "a"}
	r := c.do("BATCH_GET", hash, thft.Wrap(func(a *thft.Args) {
		a.Structs(1, len(keys), func(i int, e *thft.Args) { e.Blob(1, []byte(hash)).Blob(2, []byte(keys[i])) })
	}))
	want := fmt.Sprint([]any{
		map[int16]any{1: hash, 2: "b", 3: ""},
		map[int16]any{1: hash, 2: "a", 3: "1"},
	})
	if r.err() != 0 || fmt.Sprint(r[2]) != want {
		c.t.Errorf("rows found, in the order asked: %v, want %v", r, want)
	}
	if r = c.do("BATCH_GET", hash, thft.Wrap(func(a *thft.Args) { a.Structs(1, 0, nil) })); r.err() != 4 {
		c.t.Errorf("batch_get of nothing: %v, want error 4", r)
	}
}

// mutation is one entry of check_and_mutate: a put, or a delete when value is nil.
type mutation struct {
	sortKey string
	value   *string
	expires int32
}

func (c caller) mutate(hash, checkKey string, checkType int32, operand string, ms ...mutation) result {
	c.t.Helper()
	return c.do("CHECK_AND_MUTATE", hash, thft.Wrap(func(a *thft.Args) {
		a.Blob(1, []byte(hash)).Blob(2, []byte(checkKey)).I32(3, checkType).Blob(4, []byte(operand))
		a.Structs(5, len(ms), func(i int, e *thft.Args) {
			op, value := int32(1), ""
			if ms[i].value != nil {
				op, value = 0, *ms[i].value
			}
			e.I32(1, op).Blob(2, []byte(ms[i].sortKey)).Blob(3, []byte(value)).I32(4, ms[i].expires)
		}).Bool(6, true)
	}))
}

func (c caller) checkAndMutate(hash string) {
	one, two := "1", "2"
	c.put(hash, "gone", "x")
	r := c.mutate(hash, "check", 1, "", mutation{"a", &one, 0}, mutation{"gone", nil, 0}, mutation{"a", &two, 0}, mutation{"t", &one, expiresIn(100 * time.Second)})
	if r.err() != 0 || r[2] != true || r[3] != false {
		c.t.Errorf("the check row is absent, so the check passes: %v", r)
	}
	c.expectValue(hash, "a", "2")
	if r := c.get(hash, "gone"); r.err() != 1 {
		c.t.Errorf("a deleted row: %v, want error 1", r)
	}
	if ttl := c.ttl(hash, "t"); ttl < 95 || ttl > 100 {
		c.t.Errorf("ttl %d of a row put with 100 s", ttl)
	}
	r = c.mutate(hash, "a", 1, "", mutation{"b", &one, 0})
	if r.err() != 13 || r[2] != true || r[3] != true || r[4] != "2" {
		c.t.Errorf("a failed check returns the value with error 13: %v", r)
	}
	if r := c.get(hash, "b"); r.err() != 1 {
		c.t.Errorf("a failed check writes nothing: %v", r)
	}
	if r = c.mutate(hash, "a", 0, ""); r.err() != 4 {
		c.t.Errorf("an empty list of mutations: %v, want error 4", r)
	}
	if r = c.mutate(hash, "a", 16, "text", mutation{"b", &one, 0}); r.err() != 4 {
		c.t.Errorf("a text where an integer is compared: %v, want error 4", r)
	}
	if r = c.mutate(hash, "a", 99, "", mutation{"b", &one, 0}); r.err() != 4 {
		c.t.Errorf("an unknown check type: %v, want error 4", r)
	}
}

func (c caller) incr(hash, sortKey string, by int64, expires int32) result {
	c.t.Helper()
	return c.do("INCR", hash, thft.Wrap(func(a *thft.Args) {
		a.Blob(1, thft.Key(hash, sortKey)).I64(2, by).I32(3, expires)
	}))
}

func (c caller) incrTTL(hash string) {
	for _, step := range []struct {
		by      int64
		expires int32
		value   int64
		ttl     [2]int32
		claim   string
	}{
		{1, 0, 1, [2]int32{-1, -1}, "a new counter has no ttl"},
		{1, expiresIn(100 * time.Second), 2, [2]int32{95, 100}, "a positive expiry sets the ttl"},
		{1, 0, 3, [2]int32{95, 100}, "zero keeps it"},
		{1, -1, 4, [2]int32{-1, -1}, "a negative one clears it"},
	} {
		r := c.incr(hash, "n", step.by, step.expires)
		if r.err() != 0 || r[2] != step.value {
			c.t.Fatalf("%s: %v, want %d", step.claim, r, step.value)
		}
		if ttl := c.ttl(hash, "n"); ttl < step.ttl[0] || ttl > step.ttl[1] {
			c.t.Errorf("%s: ttl %d", step.claim, ttl)
		}
	}
	c.put(hash, "max", "9223372036854775807")
	if r := c.incr(hash, "max", 1, 0); r.err() != 4 || r[2] != int64(9223372036854775807) {
		c.t.Errorf("overflow: %v, want error 4 with the old value", r)
	}
}

// multiGet takes sort keys, or a range over all of them when there are none.
func (c caller) multiGet(hash string, keys []string, count int32, reverse bool) (code int32, got string) {
	c.t.Helper()
	var blobs [][]byte
	for _, k := range keys {
		blobs = append(blobs, []byte(k))
	}
	r := c.do("MULTI_GET", hash, thft.Wrap(func(a *thft.Args) {
		a.Blob(1, []byte(hash)).Blobs(2, blobs...).I32(3, count).I32(4, -1).Bool(5, false).Blob(6, nil).Blob(7, nil).
			Bool(8, true).Bool(9, false).I32(10, 0).Blob(11, nil).Bool(12, reverse)
	}))
	var names []string
	for _, kv := range r[2].([]any) {
		names = append(names, kv.(map[int16]any)[1].(string))
	}
	return r.err(), strings.Join(names, " ")
}

func (c caller) multiGetOrders(hash string) {
	for _, k := range []string{"a", "b", "c", "d"} {
		c.put(hash, k, "v")
	}
	for _, q := range []struct {
		keys    []string
		count   int32
		reverse bool
		code    int32
		want    string
		claim   string
	}{
		{[]string{"d", "no", "a", "c"}, -1, false, 0, "d a c", "sort keys come back in the order asked, absent ones left out"},
		{[]string{"d", "a", "c"}, 2, false, 7, "d a", "a limit cuts the sort keys asked for and says 7"},
		{nil, 2, false, 7, "a b", "a limit cuts a range and says 7"},
		{nil, 2, true, 7, "c d", "reverse takes the last ones and still answers ascending"},
		{nil, -1, true, 0, "a b c d", "reverse without a limit"},
	} {
		if code, got := c.multiGet(hash, q.keys, q.count, q.reverse); code != q.code || got != q.want {
			c.t.Errorf("%s: error %d, %q, want %d, %q", q.claim, code, got, q.code, q.want)
		}
	}
}

// emptyHashKey: the sort key then decides the partition.
func (c caller) emptyHashKey(sortKey string) {
	h := thft.Header{Version: c.Version, AppID: c.AppID, Partition: c.PartitionOf(sortKey), PartitionHash: thft.Hash(sortKey)}
	at := c.Partitions[h.Partition].Primary
	r, err := c.CallAt(at, "PUT", h, thft.Wrap(func(a *thft.Args) {
		a.Blob(1, thft.Key("", sortKey)).Blob(2, []byte("v")).I32(3, 0)
	}))
	if err != nil || r[1] != int32(0) {
		c.t.Fatalf("put with an empty hash key: %v %v", r, err)
	}
	r, err = c.CallAt(at, "GET", h, thft.WrapBlob(thft.Key("", sortKey)))
	if err != nil || r[2] != "v" {
		c.t.Fatalf("get with an empty hash key: %v %v", r, err)
	}
}

// backupRequests: a secondary answers reads that say so in a version 1 header, and soon has what the primary acknowledged.
func backupRequests(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.put("backup", "k", "v")
	tb.Version, tb.Backup = 1, true
	var r result
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r = tb.get("backup", "k"); r.err() == 0 {
			break
		}
	}
	if r.err() != 0 || r[2] != "v" {
		t.Fatalf("get at a secondary: %v", r)
	}
	if ttl := tb.ttl("backup", "k"); ttl != -1 {
		t.Errorf("ttl at a secondary: %d", ttl)
	}
	if code, got := tb.multiGet("backup", nil, -1, false); code != 0 || got != "k" {
		t.Errorf("multi_get at a secondary: %d %q", code, got)
	}
}

// secondaries refuse what is no backup request.
func secondaries(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	p := tb.PartitionOf("k")
	for version := range 2 {
		h := thft.Header{Version: version, AppID: tb.AppID, Partition: p, PartitionHash: thft.Hash("k")}
		for _, op := range []string{"GET", "REMOVE"} {
			_, err := tb.CallAt(tb.Partitions[p].Secondaries[0], op, h, thft.WrapBlob(thft.Key("k", "")))
			if err != thft.FrameError("ERR_INVALID_STATE") {
				t.Errorf("%s v%d at a secondary: %v", op, version, err)
			}
		}
	}
}

// anyFieldID: clients put the argument into field 1, native peers into field 0; the id is not looked at.
func anyFieldID(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.put("field id", "k", "v")
	for _, id := range []int16{0, 1, 7} {
		var a thft.Args
		a.Blob(id, thft.Key("field id", "k")).Stop()
		if r := tb.do("GET", "field id", a); r.err() != 0 || r[2] != "v" {
			t.Errorf("argument in field %d: %v", id, r)
		}
	}
}

// pipelining: many requests in one write, answers in any order, each once.
func pipelining(t *testing.T, c *cluster.Cluster) {
	const requests = 500
	tb := openTable(t, c, "temp")
	tb.put("pipeline", "k", "v")
	p := tb.PartitionOf("pipeline")
	h := thft.Header{AppID: tb.AppID, Partition: p, TimeoutMs: 5000, PartitionHash: thft.Hash("pipeline")}
	var out []byte
	for seq := range int32(requests) {
		name, args := "RPC_RRDB_RRDB_GET", thft.WrapBlob(thft.Key("pipeline", "k"))
		if seq%10 == 3 {
			name, args = "RPC_RRDB_RRDB_INCR", thft.Wrap(func(a *thft.Args) { a.Blob(1, thft.Key("pipeline", "n")).I64(2, 1).I32(3, 0) })
		}
		out = append(out, h.Frame(thft.Body(name, seq, args))...)
	}
	conn := dial(t, tb.Partitions[p].Primary)
	if err := conn.Send(out); err != nil {
		t.Fatal(err)
	}
	seen := map[int32]bool{}
	for range requests {
		r, err := conn.Receive()
		if err != nil || r.Err != "ERR_OK" || seen[r.Seq] {
			t.Fatalf("answer %d of %d: %v %v", len(seen), requests, r, err)
		}
		seen[r.Seq] = true
	}
	tb.expectValue("pipeline", "n", fmt.Sprint(requests/10))
}

func dial(t *testing.T, addr string) *thft.Conn {
	t.Helper()
	c, err := thft.Dial(addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
