package compattests

import (
	"testing"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// native makes the body of a call: its one value in field 0.
func native(fill func(*thft.Args)) []byte {
	var a thft.Args
	a.Struct(0, fill).Stop()
	return a
}

func nativeKey(hash, sort string) []byte {
	var a thft.Args
	a.Blob(0, thft.Key(hash, sort)).Stop()
	return a
}

// TestNativeHeader speaks as the C++ client does.
func TestNativeHeader(t *testing.T) {
	c := cluster.Start(t, cluster.Options{InProcess: true})
	t.Run("storage calls", func(t *testing.T) { nativeStorage(t, c) })
	t.Run("metas", func(t *testing.T) { nativeMetas(t, c) })
	t.Run("errors", func(t *testing.T) { nativeErrors(t, c) })
	t.Run("checksums", func(t *testing.T) { nativeChecksums(t, c) })
}

func nativeStorage(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	p := tb.PartitionOf("native")
	conn := dial(t, tb.Partitions[p].Primary)
	n := thft.Native{AppID: tb.AppID, Partition: p, PartitionHash: thft.Hash("native"), ThreadHash: tb.AppID*7919 + p, TraceID: 1 << 63}
	call := func(op string, body []byte) result {
		n.ID++
		n.Name, n.Body = "RPC_RRDB_RRDB_"+op, body
		r, err := conn.ExchangeNative(n)
		if err != nil || r.Err != "ERR_OK" {
			t.Fatalf("%s: %+v %v", op, r, err)
		}
		v, err := thft.Result(r.Body, thft.Results[n.Name])
		if err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		return v.(map[int16]any)
	}
	put := native(func(a *thft.Args) { a.Blob(1, thft.Key("native", "k")).Blob(2, []byte("v")).I32(3, 0) })
	if r := call("PUT", put); r.err() != 0 {
		t.Errorf("put: %v", r)
	}
	if r := call("GET", nativeKey("native", "k")); r.err() != 0 || r[2] != "v" {
		t.Errorf("get: %v", r)
	}
	n.ThreadHash = -7
	if r := call("REMOVE", nativeKey("native", "k")); r.err() != 0 {
		t.Errorf("remove with a wrong thread hash: %v", r)
	}
	if r := call("GET", nativeKey("native", "k")); r.err() != 1 {
		t.Errorf("get of a removed row: %v", r)
	}
}

func nativeMetas(t *testing.T, c *cluster.Cluster) {
	leader := c.Leader()
	query := thft.Native{Name: "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", ID: 9, TraceID: 4,
		Body: native(func(a *thft.Args) { a.Str(1, "temp").I32s(2, 5) })}
	for _, m := range c.Metas {
		r, err := dial(t, m).ExchangeNative(query)
		if m == leader {
			v, bad := thft.Result(r.Body, thft.Results[query.Name])
			cfg, _ := v.(map[int16]any)
			if err != nil || bad != nil || cfg[1] != "ERR_OK" || cfg[3] != int32(8) || len(cfg[5].([]any)) != 1 {
				t.Errorf("query_cfg of one partition: %v %v %v", cfg, err, bad)
			}
			continue
		}
		to, bad := thft.Result(r.Body, thft.Address)
		if err != nil || r.Err != "ERR_FORWARD_TO_OTHERS" || bad != nil || to != leader {
			t.Errorf("query_cfg at a follower: %+v %v, forwarded to %v %v, want %s", r, err, to, bad, leader)
		}
	}
}

func nativeErrors(t *testing.T, c *cluster.Cluster) {
	for name, want := range map[string]string{"RPC_RRDB_RRDB_GET": "ERR_OBJECT_NOT_FOUND", "RPC_NO_SUCH_THING": "ERR_HANDLER_NOT_FOUND"} {
		r, err := dial(t, c.Replicas[0]).ExchangeNative(thft.Native{Name: name, ID: 1, AppID: 9999, Body: nativeKey("k", "")})
		if err != nil || r.Err != want || len(r.Body) != 0 {
			t.Errorf("%s: %+v %v, want %s", name, r, err, want)
		}
	}
}

func nativeChecksums(t *testing.T, c *cluster.Cluster) {
	n := thft.Native{Name: "RPC_CM_LIST_NODES", ID: 3, Checksums: true, Body: native(func(a *thft.Args) { a.I32(1, 0) })}
	leader := c.Leader()
	if r, err := dial(t, leader).ExchangeNative(n); err != nil || r.Err != "ERR_OK" {
		t.Errorf("right checksums: %+v %v", r, err)
	}
	for _, at := range []int{30, len(n.Frame()) - 3} {
		frame := n.Frame()
		frame[at] ^= 0x40
		if r, err := dial(t, leader).Exchange(frame); !closed(err) {
			t.Errorf("byte %d changed: %+v %v, want a closed connection", at, r, err)
		}
	}
}
