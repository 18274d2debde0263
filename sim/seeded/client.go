package seeded

import (
	"fmt"
	"strconv"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

// client is an application: it works on a few rows, one operation after the other, and everything it
// does and hears goes into the history.
type client struct {
	c       *cluster
	id      int
	node    *Node
	port    *port
	meta    int
	table   string
	appID   int32
	primary []base.RPCAddress // by partition; empty: to be asked
	known   map[string]string // what it last saw in a row
	counter int               // the counter it increments; a new one after an unknown outcome
	stop    bool
	stopped bool
}

func newClient(c *cluster, id, machine int) *client {
	node := c.w.node(fmt.Sprintf("client%d", id))
	return &client{
		c: c, id: id, node: node, port: c.net.port(node, machine, addressOf(machine), true), table: mainTable,
		known: map[string]string{}, counter: id * 1000,
	}
}

// run works until told to stop.
func (cl *client) run() {
	for !cl.stop {
		cl.work()
		cl.think()
	}
	cl.stopped = true
}

// think pauses: mostly for a while, sometimes hardly, so that bursts meet faults.
func (cl *client) think() {
	w := cl.c.w
	if w.chance(60) {
		cl.node.Wait(w.between(0, 40*time.Millisecond))
		return
	}
	cl.node.Wait(w.between(0, cl.c.opts.ThinkMax))
}

// draw chooses an operation.
func (cl *client) draw() op {
	w := cl.c.w
	kind := []string{"get", "get", "get", "set", "set", "set", "cas", "cas", "del", "incr", "mset", "mget", "ttl"}[w.rng.IntN(13)]
	o := op{client: cl.id, kind: kind}
	switch kind {
	case "incr":
		o.key = "n" + strconv.Itoa(cl.counter)
	case "mset", "mget":
		o.key = "m" + strconv.Itoa(w.rng.IntN(2))
	case "ttl":
		o.key = "t" + strconv.Itoa(w.rng.IntN(20))
	default:
		o.key = "k" + strconv.Itoa(w.rng.IntN(cl.c.opts.Keys))
	}
	if kind != "get" && kind != "mget" && kind != "del" {
		cl.c.values++
		o.value = strconv.Itoa(cl.c.values)
	}
	o.expect = cl.known[o.key]
	return o
}

// work does one operation and records it.
func (cl *client) work() {
	w, o := cl.c.w, cl.draw()
	o.begin = w.now
	code := cl.do(&o)
	o.end = w.now
	w.trace.line(w.now, "client%d   %s %v", cl.id, o, code)
	cl.c.count(o.kind, code)
	switch {
	case o.kind == "ttl":
	case code == base.ErrOK:
		cl.c.history.add(o)
		cl.known[o.key] = o.seen
		if o.changes() {
			cl.known[o.key] = o.value
		}
	case o.kind == "get" || o.kind == "mget" || notExecuted[code]:
	default:
		o.unknown = true
		cl.c.history.add(o)
		if o.kind == "incr" {
			cl.counter++
		}
	}
	if code != base.ErrOK {
		cl.primary = nil
		cl.node.Wait(w.between(10*time.Millisecond, 500*time.Millisecond))
	}
}

// notExecuted are the errors that promise that a write will never take effect.
var notExecuted = map[base.ErrorCode]bool{
	base.ErrInvalidState: true, base.ErrObjectNotFound: true, base.ErrNotEnoughMember: true,
	base.ErrCapacityExceeded: true, base.ErrBusy: true, base.ErrDiskInsufficient: true,
	errNoRoute: true,
}

// errNoRoute: the operation was never sent.
var errNoRoute = base.ErrorCode{Name: "ERR_NO_ROUTE"}

// route finds out where the partitions are, from any meta server that knows.
func (cl *client) route() bool {
	if len(cl.primary) > 0 {
		return true
	}
	metas := cl.c.metas
	req := &layer2.QueryCfgRequest{AppName: cl.table, PartitionIndices: []int32{}}
	resp := layer2.NewQueryCfgResponse()
	code, body := cl.call(metas[cl.meta%len(metas)].addr(), rpc.Call{
		Name: "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", TimeoutMs: 1000, Body: rpc.AppendValue(nil, rpc.FieldNative, req),
	})
	if code == base.ErrOK {
		if _, err := rpc.ReadValue(body, resp); err != nil {
			cl.c.w.fail("answer to query_cfg cannot be read: %v", err)
		}
		code = resp.GetErr().Val()
	}
	if code != base.ErrOK || resp.PartitionCount == 0 {
		cl.meta++
		return false
	}
	cl.appID, cl.primary = resp.AppID, make([]base.RPCAddress, resp.PartitionCount)
	for _, p := range resp.Partitions {
		cl.primary[p.Pid.PartitionIndex] = p.Primary.Val()
	}
	return true
}

// call sends one request and waits for its answer.
func (cl *client) call(to base.RPCAddress, c rpc.Call) (code base.ErrorCode, body []byte) {
	arrived := make(chan struct{}, 1)
	cl.port.Go(to, c, func(got base.ErrorCode, answer []byte) {
		code, body = got, append([]byte(nil), answer...)
		arrived <- struct{}{}
	})
	cl.node.Recv(arrived)
	return code, body
}

// storage sends a request for rows with that hash key to the primary; the answer is read into resp.
func (cl *client) storage(name, hashKey string, sortKey []byte, req, resp thrift.TStruct) base.ErrorCode {
	if !cl.route() {
		return errNoRoute
	}
	raw := base.EncodeKey([]byte(hashKey), sortKey)
	hash := base.KeyHash(raw)
	index := base.PartitionIndex(hash, int32(len(cl.primary)))
	to := cl.primary[index]
	if !to.IsValid() {
		cl.primary = nil
		return errNoRoute
	}
	code, body := cl.call(to, rpc.Call{
		Name: name, Gpid: base.Gpid{AppID: cl.appID, PartitionIndex: index}, PartitionHash: hash, TimeoutMs: 2000,
		Body: rpc.AppendValue(nil, rpc.FieldNative, req),
	})
	if code != base.ErrOK {
		return code
	}
	if _, err := rpc.ReadValue(body, resp); err != nil {
		cl.c.w.fail("answer to %s cannot be read: %v", name, err)
	}
	return base.ErrOK
}

var sortKey = []byte("s")

// multiKeys are written together; whoever reads them sees them together.
var multiKeys = [][]byte{[]byte("a"), []byte("b"), []byte("c")}

// do carries out an operation and enters what it saw.
func (cl *client) do(o *op) base.ErrorCode {
	key := base.BlobOf(base.EncodeKey([]byte(o.key), sortKey))
	status := int32(0)
	var code base.ErrorCode
	switch o.kind {
	case "get":
		resp := rrdb.NewReadResponse()
		code = cl.storage("RPC_RRDB_RRDB_GET", o.key, sortKey, key, resp)
		if status = resp.Error; status == statusNotFound {
			status = 0
		}
		o.seen = string(resp.GetValue().Bytes())
	case "set", "ttl":
		resp := rrdb.NewUpdateResponse()
		req := &rrdb.UpdateRequest{Key: key, Value: base.BlobOf([]byte(o.value))}
		if o.kind == "ttl" {
			req.ExpireTsSeconds = int32(base.EpochSeconds(cl.node.Now())) + int32(1+cl.c.w.rng.IntN(120))
		}
		code = cl.storage("RPC_RRDB_RRDB_PUT", o.key, sortKey, req, resp)
		status = resp.Error
	case "del":
		resp := rrdb.NewUpdateResponse()
		code = cl.storage("RPC_RRDB_RRDB_REMOVE", o.key, sortKey, key, resp)
		status = resp.Error
	case "incr":
		resp := rrdb.NewIncrResponse()
		code = cl.storage("RPC_RRDB_RRDB_INCR", o.key, sortKey, &rrdb.IncrRequest{Key: key, Increment: 1}, resp)
		status, o.value = resp.Error, strconv.FormatInt(resp.NewValue_, 10)
	case "cas":
		code, status = cl.checkAndSet(o)
	case "mset":
		code, status = cl.multiSet(o)
	case "mget":
		code, status = cl.multiGet(o)
	}
	if code == base.ErrOK && status != 0 {
		cl.c.w.fail("%s was answered with status %d", *o, status)
	}
	return code
}

// Storage statuses that are no errors here (rrdb.md).
const (
	statusNotFound   = 1
	statusIncomplete = 7
	statusTryAgain   = 13
)

func (cl *client) checkAndSet(o *op) (base.ErrorCode, int32) {
	req := &rrdb.CheckAndSetRequest{
		HashKey: base.BlobOf([]byte(o.key)), CheckSortKey: base.BlobOf(sortKey), CheckType: rrdb.CasCheckType_CT_VALUE_BYTES_EQUAL,
		CheckOperand: base.BlobOf([]byte(o.expect)), SetDiffSortKey: false, SetSortKey: &base.Blob{}, SetValue: base.BlobOf([]byte(o.value)), ReturnCheckValue: true,
	}
	if o.expect == "" {
		req.CheckType = rrdb.CasCheckType_CT_VALUE_NOT_EXIST
	}
	resp := rrdb.NewCheckAndSetResponse()
	code := cl.storage("RPC_RRDB_RRDB_CHECK_AND_SET", o.key, nil, req, resp)
	if code != base.ErrOK {
		return code, 0
	}
	o.seen = string(resp.GetCheckValue().Bytes())
	o.failed = resp.Error == statusTryAgain
	if o.failed {
		return code, 0
	}
	return code, resp.Error
}

func (cl *client) multiSet(o *op) (base.ErrorCode, int32) {
	req := &rrdb.MultiPutRequest{HashKey: base.BlobOf([]byte(o.key))}
	for _, k := range multiKeys {
		req.Kvs = append(req.Kvs, &rrdb.KeyValue{Key: base.BlobOf(k), Value: base.BlobOf([]byte(o.value))})
	}
	resp := rrdb.NewUpdateResponse()
	code := cl.storage("RPC_RRDB_RRDB_MULTI_PUT", o.key, nil, req, resp)
	return code, resp.Error
}

func (cl *client) multiGet(o *op) (base.ErrorCode, int32) {
	req := rrdb.NewMultiGetRequest()
	req.HashKey = base.BlobOf([]byte(o.key))
	for _, k := range multiKeys {
		req.SortKeys = append(req.SortKeys, base.BlobOf(k))
	}
	req.StartSortkey, req.StopSortkey, req.SortKeyFilterPattern = &base.Blob{}, &base.Blob{}, &base.Blob{}
	resp := rrdb.NewMultiGetResponse()
	code := cl.storage("RPC_RRDB_RRDB_MULTI_GET", o.key, nil, req, resp)
	if code != base.ErrOK {
		return code, 0
	}
	for i, kv := range resp.Kvs {
		v := string(kv.GetValue().Bytes())
		if i > 0 && v != o.seen {
			cl.c.w.fail("rows written together were read apart: %v", resp.Kvs)
		}
		o.seen = v
	}
	if n := len(resp.Kvs); n != 0 && n != len(multiKeys) {
		cl.c.w.fail("%d of %d rows written together were read", n, len(multiKeys))
	}
	if resp.Error == statusNotFound {
		return code, 0
	}
	return code, resp.Error
}
