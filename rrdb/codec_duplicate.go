package rrdb

import (
	"bytes"
	"context"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/dupinternal"
)

// Duplication is a few requests per second of large batches: the generated code serves it.

var thriftConfig = &thrift.TConfiguration{MaxMessageSize: 64 << 20, MaxFrameSize: 64 << 20}

func decodeDuplicate(body []byte) (q *dupinternal.DuplicateRequest, ok bool) {
	if len(body) < 4 || body[0] == tagStop {
		return nil, false
	}
	buf := &thrift.TMemoryBuffer{Buffer: bytes.NewBuffer(body[3:])}
	q = dupinternal.NewDuplicateRequest()
	if err := q.Read(context.Background(), thrift.NewTBinaryProtocolConf(buf, thriftConfig)); err != nil {
		return nil, false
	}
	rest := buf.Bytes()
	if len(rest) == 0 || rest[0] != tagStop {
		return nil, false
	}
	for _, e := range q.Entries {
		if e == nil {
			return nil, false
		}
	}
	return q, true
}

// appendDuplicateResponse appends {0: duplicate_response}; hint is left out when empty, and both
// when set is false (a request without entries).
func appendDuplicateResponse(out []byte, set bool, status Status, hint string) []byte {
	out = append(out, tagStruct, 0, 0)
	if set {
		out = appendI32Field(out, 1, status)
		if hint != "" {
			out = appendStringField(out, 2, hint)
		}
	}
	return append(out, tagStop, tagStop)
}
