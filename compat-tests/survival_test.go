package compattests

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// refusals are the frame errors that all released clients know and that stand for "this request is wrong".
var refusals = "ERR_INVALID_DATA ERR_INVALID_PARAMETERS ERR_PARENT_PARTITION_MISUSED ERR_OBJECT_NOT_FOUND ERR_HANDLER_NOT_FOUND ERR_INVALID_STATE"

// refused claims that a request is answered with an error, in the frame or in the result, or that its connection is closed.
func refused(t *testing.T, addr string, frame []byte, claim string) {
	t.Helper()
	r, err := dial(t, addr).Exchange(frame)
	switch {
	case closed(err):
	case err != nil:
		t.Errorf("%s: %v", claim, err)
	case r.Err == "ERR_OK":
		if v, err := thft.Result(r.Body, thft.Results[strings.TrimSuffix(r.Name, "_ACK")]); err != nil || v.(map[int16]any)[1] == int32(0) {
			t.Errorf("%s was taken: %v %v", claim, v, err)
		}
	case !strings.Contains(refusals, r.Err):
		t.Errorf("%s: %s, want one of %s", claim, r.Err, refusals)
	}
}

func shortKeys(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	at := tb.Partitions[0].Primary
	h := thft.Header{AppID: tb.AppID, TimeoutMs: 5000}
	for _, key := range [][]byte{nil, {0}, {9}, {0, 5, 'a'}, {0xff, 0xff}, {0xff, 0xff, 'a'}} {
		for op, args := range map[string][]byte{
			"PUT":    thft.Wrap(func(a *thft.Args) { a.Blob(1, key).Blob(2, []byte("v")).I32(3, 0) }),
			"INCR":   thft.Wrap(func(a *thft.Args) { a.Blob(1, key).I64(2, 1).I32(3, 0) }),
			"REMOVE": thft.WrapBlob(key),
			"GET":    thft.WrapBlob(key),
			"TTL":    thft.WrapBlob(key),
		} {
			refused(t, at, h.Frame(thft.Body("RPC_RRDB_RRDB_"+op, 1, args)), fmt.Sprintf("%s of the key %x", op, key))
		}
	}
}

func wrongHashWrites(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	p := tb.PartitionOf("wrong hash")
	put := thft.Wrap(func(a *thft.Args) { a.Blob(1, thft.Key("wrong hash", "k")).Blob(2, []byte("v")).I32(3, 0) })
	// One off maps to another partition; off by the partition count maps to the same one, and is still not the row's.
	for _, off := range []uint64{1, uint64(len(tb.Partitions))} {
		h := thft.Header{AppID: tb.AppID, Partition: p, TimeoutMs: 5000, PartitionHash: thft.Hash("wrong hash") + off}
		refused(t, tb.Partitions[p].Primary, h.Frame(thft.Body("RPC_RRDB_RRDB_PUT", 1, put)), fmt.Sprintf("put with a partition_hash off by %d", off))
	}
	if r := tb.get("wrong hash", "k"); r.err() != 1 {
		t.Errorf("a refused row: %v, want error 1", r)
	}
}

func wrongServer(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	put := thft.Body("RPC_RRDB_RRDB_PUT", 1, thft.Wrap(func(a *thft.Args) { a.Blob(1, thft.Key("k", "")).Blob(2, []byte("v")).I32(3, 0) }))
	get := thft.Body("RPC_RRDB_RRDB_GET", 1, thft.WrapBlob(thft.Key("k", "")))
	for _, m := range c.Metas {
		for _, app := range []int32{0, tb.AppID} {
			h := thft.Header{AppID: app, TimeoutMs: 5000}
			refused(t, m, h.Frame(put), "put at a meta")
			refused(t, m, h.Frame(get), "get at a meta")
		}
	}
	list := thft.Body("RPC_CM_LIST_APPS", 1, thft.Wrap(func(a *thft.Args) { a.I32(1, 0) }))
	refused(t, c.Replicas[0], thft.Header{}.Frame(list), "list_apps at a replica server")
	refused(t, c.Replicas[0], thft.Header{AppID: tb.AppID}.Frame(list), "list_apps at a partition")
}

// garbageBodies sends every storage and meta call with a body that does not decode.
func garbageBodies(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	bodies := map[string][]byte{
		"no argument":      {},
		"only a stop":      {0},
		"noise":            noise,
		"a cut blob":       {12, 0, 1, 0, 0, 1, 0, 'a'},
		"a huge blob":      {12, 0, 1, 0x7f, 0xff, 0xff, 0xff, 'a'},
		"a negative blob":  {12, 0, 1, 0xff, 0xff, 0xff, 0xff, 'a'},
		"a huge list":      {12, 0, 1, 15, 0, 2, 12, 0x7f, 0xff, 0xff, 0xff},
		"structs in depth": bytes.Repeat([]byte{12, 0, 1}, 2000),
	}
	leader := c.Leader()
	for name := range thft.Results {
		to, h := leader, thft.Header{TimeoutMs: 5000}
		if strings.HasPrefix(name, "RPC_RRDB_") {
			to, h.AppID = tb.Partitions[0].Primary, tb.AppID
		}
		for what, body := range bodies {
			// A body that decodes to nothing may be taken as one with no fields; what counts is who is alive afterwards.
			_, err := dial(t, to).Exchange(h.Frame(thft.Body(name, 1, body)))
			if err != nil && !closed(err) {
				t.Errorf("%s with %s: %v", name, what, err)
			}
		}
	}
}

func wrongThreadHash(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.put("thread hash", "k", "v")
	for _, hash := range []int32{0, -1, 12345, -1 << 31} {
		p := tb.PartitionOf("thread hash")
		h := thft.Header{AppID: tb.AppID, Partition: p, PartitionHash: thft.Hash("thread hash"), ThreadHash: &hash}
		r, err := tb.CallAt(tb.Partitions[p].Primary, "GET", h, thft.WrapBlob(thft.Key("thread hash", "k")))
		if err != nil || r[2] != "v" {
			t.Errorf("get with thread hash %d: %v %v", hash, r, err)
		}
		r, err = tb.CallAt(tb.Partitions[p].Primary, "PUT", h, thft.Wrap(func(a *thft.Args) {
			a.Blob(1, thft.Key("thread hash", "k")).Blob(2, []byte("v")).I32(3, 0)
		}))
		if err != nil || r[1] != int32(0) {
			t.Errorf("put with thread hash %d: %v %v", hash, r, err)
		}
	}
}

func shellStopsEarly(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	tb.fill("shell", 9)
	out, err := c.Command("shell", "-m", c.MetaList(), "-c", "use temp", "-c", `hash_scan shell "" "" -n 3`)
	if err != nil || strings.Count(out, "shell") < 3 || strings.Contains(out, "05") {
		t.Errorf("hash_scan -n 3: %v\n%s", err, out)
	}
}

func mixedMetaList(t *testing.T, c *cluster.Cluster) {
	mixed := strings.Replace(c.MetaList(), "127.0.0.1", "localhost", 2)
	out, err := c.Command("shell", "-m", mixed, "-c", "ls")
	if err != nil || !strings.Contains(out, "temp") {
		t.Errorf("ls with the metas %s: %v\n%s", mixed, err, out)
	}
}

// brokenFrames sends what is no request to every kind of server: each costs one connection.
func brokenFrames(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	good := thft.Header{AppID: tb.AppID, TimeoutMs: 5000}.Frame(thft.Body("RPC_RRDB_RRDB_GET", 1, thft.WrapBlob(thft.Key("k", ""))))
	change := func(at int, v uint32) []byte {
		f := bytes.Clone(good)
		binary.BigEndian.PutUint32(f[at:], v)
		return f
	}
	const magic, version, headerLength, bodyLength, messageType = 0, 4, 8, 16, 48
	closing := map[string][]byte{
		"bad magic":               change(magic, 0x58585858),
		"an unknown version":      change(version, 9),
		"a short header":          change(headerLength, 47),
		"a body of 4 GiB":         change(bodyLength, 0xffffffff),
		"a message of type reply": change(messageType, 0x80010002),
	}
	for _, addr := range []string{tb.Partitions[0].Primary, c.Leader()} {
		for what, frame := range closing {
			if r, err := dial(t, addr).Exchange(frame); !closed(err) {
				t.Errorf("%s: expected a closed connection, got %+v %v", what, r, err)
			}
		}
		for cut := 1; cut < len(good); cut += 7 {
			conn := dial(t, addr)
			if err := conn.Send(good[:cut]); err != nil {
				t.Errorf("send %d bytes: %v", cut, err)
			}
			_ = conn.Close()
		}
		random := rand.New(rand.NewPCG(3, 4))
		for range 200 {
			f := bytes.Clone(good)
			for range 1 + random.IntN(4) {
				f[random.IntN(len(f))] = byte(random.Uint32())
			}
			conn := dial(t, addr)
			_ = conn.Send(f)
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.Close()
		}
	}
}
