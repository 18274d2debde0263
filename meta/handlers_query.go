package meta

import (
	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/rpc"
)

// answersMax bounds the encoded answers kept; beyond it all are forgotten.
const answersMax = 4096

// answerKey names an answer about all partitions of a table.
type answerKey struct {
	table    string
	hostPort bool
}

// encodedAnswer is the encoded answer and the state of the table it was made from.
type encodedAnswer struct {
	version uint64
	body    []byte
}

func failQueryConfig(err base.ErrorCode, leader base.RPCAddress) thrift.TStruct {
	resp := &layer2.QueryCfgResponse{Err: err.Ptr()}
	if leader.IsValid() {
		resp.Partitions = []*layer2.PartitionConfiguration{{Primary: leader.Ptr()}}
	}
	return resp
}

// onQueryConfig serves the request that every client sends first, and again after every error. The
// answer about a whole table is encoded once per state of the table.
func (s *Server) onQueryConfig(r *rpc.Request) {
	t := s.pass(r, failQueryConfig)
	if t == nil {
		return
	}
	var req layer2.QueryCfgRequest
	if err := r.Decode(&req); err != nil {
		s.refuse(r, err)
		return
	}
	key := answerKey{table: req.AppName, hostPort: s.opts.wantsHostPort(r.Dialect)}
	whole := len(req.PartitionIndices) == 0
	t.mu.Lock()
	version := t.core.Version(req.AppName)
	if a, ok := t.answers[key]; ok && whole && a.version == version {
		t.mu.Unlock()
		r.ReplyBytes(base.ErrOK, a.body)
		return
	}
	resp := t.core.QueryConfig(&req, key.hostPort)
	t.mu.Unlock()
	body := rpc.AppendValue(nil, rpc.FieldNative, resp)
	if whole && version != 0 {
		t.mu.Lock()
		if len(t.answers) >= answersMax {
			clear(t.answers)
		}
		t.answers[key] = encodedAnswer{version: version, body: body}
		t.mu.Unlock()
	}
	r.ReplyBytes(base.ErrOK, body)
}
