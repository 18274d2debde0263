package bench

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

// outcome is what an answer said.
type outcome struct {
	failure  string // "" when the operation succeeded
	notFound bool   // a row that does not exist; no failure
	rows     int
}

// judge reads the answer to an operation of a kind.
func judge(op client.Op, code base.ErrorCode, body []byte) outcome {
	if code != base.ErrOK {
		return outcome{failure: code.String()}
	}
	status, ok := client.ResponseStatus(body)
	if !ok {
		return outcome{failure: "answer without a status"}
	}
	switch {
	case status == client.StatusNotFound && op == client.OpGet:
		return outcome{notFound: true}
	case status == client.StatusTryAgain && op == client.OpCheckAndSet: // the check did not hold: the row is not there
		return outcome{notFound: true}
	case status == client.StatusIncomplete && op == client.OpMultiGet: // more rows than asked for
	case status != client.StatusOK:
		return outcome{failure: fmt.Sprintf("status %v", status)}
	}
	switch op {
	case client.OpMultiGet, client.OpGetScanner:
		rows, err := countRows(op, body)
		if err != nil {
			return outcome{failure: err.Error()}
		}
		return outcome{rows: rows, notFound: rows == 0}
	}
	return outcome{rows: 1}
}

var errRows = errors.New("answer whose rows cannot be counted")

// countRows counts the rows of a multi_get or scan without decoding them: both responses begin with `1: i32 error` and
// `2: list<key_value> kvs`. A response laid out otherwise is decoded.
func countRows(op client.Op, body []byte) (int, error) {
	const list = 3 + 3 + 4 // 0C id | 08 0001 error | 0F 0002 0C count32
	if len(body) >= list+8 && body[list] == 0x0F && body[list+1] == 0 && body[list+2] == 2 && body[list+3] == 0x0C {
		return int(binary.BigEndian.Uint32(body[list+4:])), nil
	}
	if op == client.OpGetScanner {
		scan := rrdb.NewScanResponse()
		if _, err := rpc.ReadValue(body, scan); err != nil {
			return 0, errRows
		}
		return len(scan.Kvs), nil
	}
	multi := rrdb.NewMultiGetResponse()
	if _, err := rpc.ReadValue(body, multi); err != nil {
		return 0, errRows
	}
	return len(multi.Kvs), nil
}
