package rrdb

// Op is one operation of the data plane.
type Op uint8

// The writes, then the reads. OpEmpty is a write that stores nothing but its decree.
const (
	OpInvalid Op = iota
	OpPut
	OpMultiPut
	OpRemove
	OpMultiRemove
	OpIncr
	OpCheckAndSet
	OpCheckAndMutate
	OpDuplicate
	OpEmpty
	OpGet
	OpMultiGet
	OpBatchGet
	OpSortkeyCount
	OpTTL
	OpGetScanner
	OpScan
	OpClearScanner
	opCount
)

var opCodes = [opCount]string{
	OpPut:            "RPC_RRDB_RRDB_PUT",
	OpMultiPut:       "RPC_RRDB_RRDB_MULTI_PUT",
	OpRemove:         "RPC_RRDB_RRDB_REMOVE",
	OpMultiRemove:    "RPC_RRDB_RRDB_MULTI_REMOVE",
	OpIncr:           "RPC_RRDB_RRDB_INCR",
	OpCheckAndSet:    "RPC_RRDB_RRDB_CHECK_AND_SET",
	OpCheckAndMutate: "RPC_RRDB_RRDB_CHECK_AND_MUTATE",
	OpDuplicate:      "RPC_RRDB_RRDB_DUPLICATE",
	OpEmpty:          "RPC_REPLICATION_WRITE_EMPTY",
	OpGet:            "RPC_RRDB_RRDB_GET",
	OpMultiGet:       "RPC_RRDB_RRDB_MULTI_GET",
	OpBatchGet:       "RPC_RRDB_RRDB_BATCH_GET",
	OpSortkeyCount:   "RPC_RRDB_RRDB_SORTKEY_COUNT",
	OpTTL:            "RPC_RRDB_RRDB_TTL",
	OpGetScanner:     "RPC_RRDB_RRDB_GET_SCANNER",
	OpScan:           "RPC_RRDB_RRDB_SCAN",
	OpClearScanner:   "RPC_RRDB_RRDB_CLEAR_SCANNER",
}

var opByCode = func() map[string]Op {
	m := make(map[string]Op, opCount)
	for op, code := range opCodes {
		if code != "" {
			m[code] = Op(op)
		}
	}
	return m
}()

// OpOf finds the operation of a task code.
func OpOf(taskCode string) (Op, bool) {
	op, ok := opByCode[taskCode]
	return op, ok
}

// TaskCode is the name of op on the wire; empty for a number that is no operation.
func (op Op) TaskCode() string {
	if op >= opCount {
		return ""
	}
	return opCodes[op]
}

func (op Op) String() string {
	if c := op.TaskCode(); c != "" {
		return c
	}
	return "invalid operation"
}

// IsWrite reports whether op goes through a mutation.
func (op Op) IsWrite() bool { return op >= OpPut && op <= OpEmpty }

// IsRead reports whether op is answered by Store.Read.
func (op Op) IsRead() bool { return op >= OpGet && op < opCount }

// IsLong reports whether op may visit many rows and should leave the connection's goroutine.
func (op Op) IsLong() bool {
	switch op {
	case OpMultiGet, OpBatchGet, OpSortkeyCount, OpGetScanner, OpScan:
		return true
	}
	return false
}

// IsAtomic reports whether op reads before it writes, so that repeating it changes the result.
func (op Op) IsAtomic() bool {
	return op == OpIncr || op == OpCheckAndSet || op == OpCheckAndMutate
}
