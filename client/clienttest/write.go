package clienttest

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// write serves the operations that consume a decree.
func (s *serving) write() {
	s.p.decree++
	switch s.r.Name {
	case "RPC_RRDB_RRDB_PUT":
		req := rrdb.NewUpdateRequest()
		s.r.Decode(req)
		s.p.rows[string(req.Key.Data)] = row{req.Value.Bytes(), uint32(req.ExpireTsSeconds)}
		s.updated(0)
	case "RPC_RRDB_RRDB_REMOVE":
		key := base.NewBlob()
		s.r.Decode(key)
		delete(s.p.rows, string(key.Data))
		s.updated(0)
	case "RPC_RRDB_RRDB_MULTI_PUT":
		req := rrdb.NewMultiPutRequest()
		s.r.Decode(req)
		for _, kv := range req.Kvs {
			s.p.rows[string(base.EncodeKey(req.HashKey.Data, kv.Key.Data))] = row{kv.Value.Bytes(), uint32(req.ExpireTsSeconds)}
		}
		s.updated(0)
	case "RPC_RRDB_RRDB_MULTI_REMOVE":
		s.multiRemove()
	case "RPC_RRDB_RRDB_INCR":
		s.incr()
	case "RPC_RRDB_RRDB_CHECK_AND_SET":
		s.checkAndSet()
	case "RPC_RRDB_RRDB_CHECK_AND_MUTATE":
		s.checkAndMutate()
	default:
		s.r.ReplyError(base.ErrHandlerNotFound)
	}
}

func (s *serving) updated(code int32) {
	resp := &rrdb.UpdateResponse{Error: code, Decree: s.p.decree, Server: s.at}
	resp.AppID, resp.PartitionIndex = s.ids()
	s.r.Reply(resp)
}

func (s *serving) multiRemove() {
	req := rrdb.NewMultiRemoveRequest()
	s.r.Decode(req)
	for _, k := range req.SortKeys {
		delete(s.p.rows, string(base.EncodeKey(req.HashKey.Data, k.Data)))
	}
	resp := &rrdb.MultiRemoveResponse{Count: int64(len(req.SortKeys)), Decree: s.p.decree, Server: s.at}
	resp.AppID, resp.PartitionIndex = s.ids()
	s.r.Reply(resp)
}

func (s *serving) incr() {
	req := rrdb.NewIncrRequest()
	s.r.Decode(req)
	resp := &rrdb.IncrResponse{Decree: s.p.decree, Server: s.at}
	resp.AppID, resp.PartitionIndex = s.ids()
	var old int64
	if v, ok := s.live(req.Key.Data); ok && len(v.value) > 0 {
		n, err := strconv.ParseInt(string(v.value), 0, 64)
		if err != nil {
			resp.Error = 4
			s.r.Reply(resp)
			return
		}
		old = n
	}
	resp.NewValue_ = old + req.Increment
	s.p.rows[string(req.Key.Data)] = row{strconv.AppendInt(nil, resp.NewValue_, 10), uint32(max(0, req.ExpireTsSeconds))}
	s.r.Reply(resp)
}

// check evaluates a condition: 0 passed, 13 not, 4 not decidable.
func (s *serving) check(hashKey, sortKey []byte, t rrdb.CasCheckType, operand []byte) (code int32, v row, exist bool) {
	v, exist = s.live(base.EncodeKey(hashKey, sortKey))
	code = 13
	if t >= rrdb.CasCheckType_CT_VALUE_INT_LESS && exist {
		a, err1 := strconv.ParseInt(string(v.value), 0, 64)
		b, err2 := strconv.ParseInt(string(operand), 0, 64)
		if err1 != nil || err2 != nil {
			return 4, v, exist
		}
		if t == rrdb.CasCheckType_CT_VALUE_INT_LESS && a < b {
			code = 0
		}
		return code, v, exist
	}
	passed := false
	switch t {
	case rrdb.CasCheckType_CT_NO_CHECK:
		passed = true
	case rrdb.CasCheckType_CT_VALUE_NOT_EXIST:
		passed = !exist
	case rrdb.CasCheckType_CT_VALUE_EXIST:
		passed = exist
	case rrdb.CasCheckType_CT_VALUE_MATCH_PREFIX:
		passed = exist && strings.HasPrefix(string(v.value), string(operand))
	case rrdb.CasCheckType_CT_VALUE_BYTES_EQUAL:
		passed = exist && bytes.Equal(v.value, operand)
	}
	if passed {
		code = 0
	}
	return code, v, exist
}

func (s *serving) checkAndSet() {
	req := rrdb.NewCheckAndSetRequest()
	s.r.Decode(req)
	hk := req.HashKey.Data
	code, v, exist := s.check(hk, req.CheckSortKey.Data, req.CheckType, req.CheckOperand.Bytes())
	if code == 0 {
		target := req.CheckSortKey.Data
		if req.SetDiffSortKey {
			target = req.SetSortKey.Data
		}
		s.p.rows[string(base.EncodeKey(hk, target))] = row{req.SetValue.Bytes(), uint32(req.SetExpireTsSeconds)}
	}
	resp := &rrdb.CheckAndSetResponse{Error: code, Decree: s.p.decree, Server: s.at, CheckValueReturned: req.ReturnCheckValue}
	resp.AppID, resp.PartitionIndex = s.ids()
	if req.ReturnCheckValue && exist {
		resp.CheckValueExist, resp.CheckValue = true, base.BlobOf(v.value)
	}
	s.r.Reply(resp)
}

func (s *serving) checkAndMutate() {
	req := rrdb.NewCheckAndMutateRequest()
	s.r.Decode(req)
	hk := req.HashKey.Data
	code, v, exist := s.check(hk, req.CheckSortKey.Data, req.CheckType, req.CheckOperand.Bytes())
	if len(req.MutateList) == 0 {
		code = 4
	}
	for _, m := range req.MutateList {
		key := string(base.EncodeKey(hk, m.SortKey.Data))
		switch {
		case code != 0:
		case m.Operation == rrdb.MutateOperation_MO_DELETE:
			delete(s.p.rows, key)
		default:
			s.p.rows[key] = row{m.Value.Bytes(), uint32(m.SetExpireTsSeconds)}
		}
	}
	resp := &rrdb.CheckAndMutateResponse{Error: code, Decree: s.p.decree, Server: s.at, CheckValueReturned: req.ReturnCheckValue}
	resp.AppID, resp.PartitionIndex = s.ids()
	if req.ReturnCheckValue && exist {
		resp.CheckValueExist, resp.CheckValue = true, base.BlobOf(v.value)
	}
	s.r.Reply(resp)
}
