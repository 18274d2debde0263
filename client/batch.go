package client

import (
	"context"
	"sync"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// Key names one row.
type Key struct {
	HashKey []byte
	SortKey []byte
}

// Value is the answer for one key of a BatchGet.
type Value struct {
	Found bool
	Data  []byte
}

// BatchGet reads rows of any hash keys, one request per partition concerned. The answer has the
// order of keys. The first error ends it.
func (t *Table) BatchGet(ctx context.Context, keys []Key) ([]Value, error) {
	ctx, cancel := t.core.c.bound(ctx)
	defer cancel()
	groups := make(map[int32][]int) // partition -> indices into keys
	route := t.core.route.Load()
	hashes := make([]uint64, len(keys))
	for i, k := range keys {
		raw, err := t.rawKey(OpBatchGet, k.HashKey, k.SortKey)
		if err != nil {
			return nil, err
		}
		hashes[i] = base.KeyHash(raw)
		p, _ := route.locate(hashes[i])
		groups[p] = append(groups[p], i)
	}
	out := make([]Value, len(keys))
	slots := make(chan struct{}, batchInFlightMax)
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for _, idx := range groups {
		slots <- struct{}{}
		wg.Go(func() {
			if err := t.batchGetPart(ctx, keys, hashes[idx[0]], idx, out); err != nil {
				once.Do(func() { first = err; cancel() })
			}
			<-slots
		})
	}
	wg.Wait()
	return out, first
}

// batchGetPart asks one partition for keys[idx...]. Rows come back without the missing ones but in
// request order, so a repeated key is matched by its content.
func (t *Table) batchGetPart(ctx context.Context, keys []Key, hash uint64, idx []int, out []Value) error {
	req := &rrdb.BatchGetRequest{Keys: make([]*rrdb.FullKey, len(idx))}
	for n, i := range idx {
		req.Keys[n] = &rrdb.FullKey{HashKey: base.BlobOf(keys[i].HashKey), SortKey: base.BlobOf(keys[i].SortKey)}
	}
	resp := rrdb.NewBatchGetResponse()
	if err := t.do(ctx, OpBatchGet, hash, req, resp); err != nil {
		return err
	}
	if resp.Error != 0 {
		return t.status(OpBatchGet, resp.Error)
	}
	found := make(map[string][]byte, len(resp.Data))
	for _, d := range resp.Data {
		found[string(base.EncodeKey(d.GetHashKey().Bytes(), d.GetSortKey().Bytes()))] = d.GetValue().Bytes()
	}
	for _, i := range idx {
		data, ok := found[string(base.EncodeKey(keys[i].HashKey, keys[i].SortKey))]
		out[i] = Value{ok, data}
	}
	return nil
}
