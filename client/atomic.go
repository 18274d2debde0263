package client

import (
	"bytes"
	"context"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// Check is the condition of an atomic operation, on one row of its hash key.
type Check struct {
	SortKey     []byte
	Type        rrdb.CasCheckType
	Operand     []byte
	ReturnValue bool // send the checked row's value along
}

// CheckResult tells how the check went.
type CheckResult struct {
	Passed   bool // the change was made
	Returned bool // Exist and Value are filled
	Exist    bool
	Value    []byte
}

// Mutation is one change of a CheckAndMutate: a put, or with Delete a removal.
type Mutation struct {
	Delete     bool
	SortKey    []byte
	Value      []byte
	TTLSeconds int32
}

// CheckAndSet writes sortKey of hashKey if the check passes. StatusInvalidArgument: an integer
// check met something that is not one. Not repeated after a timeout.
func (t *Table) CheckAndSet(ctx context.Context, hashKey []byte, c Check, sortKey, value []byte, ttlSeconds int32) (CheckResult, error) {
	if err := t.needHashKey(OpCheckAndSet, hashKey); err != nil {
		return CheckResult{}, err
	}
	req := &rrdb.CheckAndSetRequest{
		HashKey: base.BlobOf(hashKey), CheckSortKey: base.BlobOf(c.SortKey), CheckType: c.Type,
		CheckOperand: base.BlobOf(c.Operand), ReturnCheckValue: c.ReturnValue,
		SetDiffSortKey: !bytes.Equal(c.SortKey, sortKey),
		SetSortKey:     base.BlobOf(sortKey), SetValue: base.BlobOf(value), SetExpireTsSeconds: expireAt(ttlSeconds),
	}
	if !req.SetDiffSortKey {
		req.SetSortKey = base.BlobOf(nil)
	}
	resp := rrdb.NewCheckAndSetResponse()
	if err := t.do(ctx, OpCheckAndSet, base.CRC64(hashKey), req, resp); err != nil {
		return CheckResult{}, err
	}
	t.note(resp.AppID, resp.PartitionIndex, resp.Decree, resp.Server)
	res := CheckResult{resp.Error == 0, resp.CheckValueReturned, resp.CheckValueExist, resp.GetCheckValue().Bytes()}
	return res, t.checkStatus(OpCheckAndSet, resp.Error)
}

// CheckAndMutate makes all changes, in order and at once, if the check passes. Not repeated after
// a timeout.
func (t *Table) CheckAndMutate(ctx context.Context, hashKey []byte, c Check, changes []Mutation) (CheckResult, error) {
	if err := t.needHashKey(OpCheckAndMutate, hashKey); err != nil {
		return CheckResult{}, err
	}
	req := &rrdb.CheckAndMutateRequest{
		HashKey: base.BlobOf(hashKey), CheckSortKey: base.BlobOf(c.SortKey), CheckType: c.Type,
		CheckOperand: base.BlobOf(c.Operand), ReturnCheckValue: c.ReturnValue,
		MutateList: make([]*rrdb.Mutate, len(changes)),
	}
	for i, m := range changes {
		w := &rrdb.Mutate{Operation: rrdb.MutateOperation_MO_PUT, SortKey: base.BlobOf(m.SortKey),
			Value: base.BlobOf(m.Value), SetExpireTsSeconds: expireAt(m.TTLSeconds)}
		if m.Delete {
			w = &rrdb.Mutate{Operation: rrdb.MutateOperation_MO_DELETE, SortKey: base.BlobOf(m.SortKey), Value: base.BlobOf(nil)}
		}
		req.MutateList[i] = w
	}
	resp := rrdb.NewCheckAndMutateResponse()
	if err := t.do(ctx, OpCheckAndMutate, base.CRC64(hashKey), req, resp); err != nil {
		return CheckResult{}, err
	}
	t.note(resp.AppID, resp.PartitionIndex, resp.Decree, resp.Server)
	res := CheckResult{resp.Error == 0, resp.CheckValueReturned, resp.CheckValueExist, resp.GetCheckValue().Bytes()}
	return res, t.checkStatus(OpCheckAndMutate, resp.Error)
}

// checkStatus: "try again" is how a check that did not pass reads; that is no error.
func (t *Table) checkStatus(op Op, st int32) error {
	if Status(st) == StatusTryAgain {
		return nil
	}
	return t.status(op, st)
}
