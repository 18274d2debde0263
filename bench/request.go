package bench

import (
	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

// request builds the argument of one RPC at a time; its buffers are used again for the next.
type request struct {
	table   *client.Table
	dialect rpc.Dialect
	body    []byte
	key     []byte // raw key
	hash    []byte // hash key
	sort    []byte
}

// argID is the field of an RPC's argument: 1 in Thrift's own framing, 0 between servers.
func (r *request) argID() int16 {
	if r.dialect == rpc.Native {
		return 0
	}
	return 1
}

// setRow points the request at a row of the layout.
func (r *request) setRow(l *layout, row int64, missing bool) {
	group, member := row/l.group, row%l.group
	if missing {
		r.hash = l.appendMissingHashKey(r.hash[:0], group)
	} else {
		r.hash = l.appendHashKey(r.hash[:0], group)
	}
	r.sort = l.appendSortKey(r.sort[:0], member)
	r.key = base.AppendKey(r.key[:0], r.hash, r.sort)
}

func (r *request) hashOf() uint64 { return base.KeyHash(r.key) }

func (r *request) get() client.Op {
	r.body = r.table.AppendKeyArg(r.body[:0], r.key)
	return client.OpGet
}

func (r *request) set(value []byte) client.Op {
	r.body = r.table.AppendSetArg(r.body[:0], r.key, value, 0)
	return client.OpPut
}

func blob(b []byte) *base.Blob { return base.BlobOf(b) }

// multiGet asks for all rows of the hash key.
func (r *request) multiGet(rows int) client.Op {
	req := rrdb.NewMultiGetRequest()
	req.HashKey, req.StartSortkey, req.StopSortkey, req.SortKeyFilterPattern = blob(r.hash), blob(nil), blob(nil), blob(nil)
	req.MaxKvCount = int32(rows)
	req.StartInclusive, req.StopInclusive = true, false
	r.body = rpc.AppendValue(r.body[:0], r.argID(), req)
	return client.OpMultiGet
}

// multiSet writes rows of the hash key from a member on.
func (r *request) multiSet(l *layout, first int64, rows int, value func() []byte) client.Op {
	req := rrdb.NewMultiPutRequest()
	req.HashKey = blob(r.hash)
	for member := first; member < first+int64(rows); member++ {
		kv := rrdb.NewKeyValue()
		kv.Key, kv.Value = blob(l.appendSortKey(nil, member)), blob(value())
		req.Kvs = append(req.Kvs, kv)
	}
	r.body = rpc.AppendValue(r.body[:0], r.argID(), req)
	return client.OpMultiPut
}

// scan asks for one batch of rows of the hash key, from its first row on.
func (r *request) scan(rows int) client.Op {
	req := rrdb.NewGetScannerRequest()
	req.StartKey = blob(base.AppendKey(nil, r.hash, nil))
	req.StopKey = blob(base.AppendNextKey(nil, r.hash, nil))
	req.StartInclusive, req.StopInclusive = true, false
	req.BatchSize = int32(rows)
	req.HashKeyFilterPattern, req.SortKeyFilterPattern = blob(nil), blob(nil)
	noCheck := false
	req.ValidatePartitionHash = &noCheck
	r.body = rpc.AppendValue(r.body[:0], r.argID(), req)
	return client.OpGetScanner
}

func (r *request) incr(by int64) client.Op {
	req := rrdb.NewIncrRequest()
	req.Key, req.Increment = blob(r.key), by
	r.body = rpc.AppendValue(r.body[:0], r.argID(), req)
	return client.OpIncr
}

// checkAndSet writes the row if it exists.
func (r *request) checkAndSet(value []byte) client.Op {
	req := rrdb.NewCheckAndSetRequest()
	req.HashKey, req.CheckSortKey, req.CheckOperand = blob(r.hash), blob(r.sort), blob(nil)
	req.CheckType = rrdb.CasCheckType_CT_VALUE_EXIST
	req.SetSortKey, req.SetValue = blob(r.sort), blob(value)
	r.body = rpc.AppendValue(r.body[:0], r.argID(), req)
	return client.OpCheckAndSet
}
