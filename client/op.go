package client

// Op is a data operation.
type Op uint8

// The data operations, named as their task codes are.
const (
	OpGet Op = iota
	OpMultiGet
	OpBatchGet
	OpSortkeyCount
	OpTTL
	OpGetScanner
	OpScan
	OpPut
	OpMultiPut
	OpRemove
	OpMultiRemove
	OpIncr
	OpCheckAndSet
	OpCheckAndMutate
	opEnd
)

var opInfo = [opEnd]struct {
	code   string // task code
	name   string // in errors
	atomic bool   // executing it twice is not the same as once
}{
	OpGet:            {"RPC_RRDB_RRDB_GET", "get", false},
	OpMultiGet:       {"RPC_RRDB_RRDB_MULTI_GET", "multi_get", false},
	OpBatchGet:       {"RPC_RRDB_RRDB_BATCH_GET", "batch_get", false},
	OpSortkeyCount:   {"RPC_RRDB_RRDB_SORTKEY_COUNT", "sortkey_count", false},
	OpTTL:            {"RPC_RRDB_RRDB_TTL", "ttl", false},
	OpGetScanner:     {"RPC_RRDB_RRDB_GET_SCANNER", "get_scanner", false},
	OpScan:           {"RPC_RRDB_RRDB_SCAN", "scan", false},
	OpPut:            {"RPC_RRDB_RRDB_PUT", "put", false},
	OpMultiPut:       {"RPC_RRDB_RRDB_MULTI_PUT", "multi_put", false},
	OpRemove:         {"RPC_RRDB_RRDB_REMOVE", "remove", false},
	OpMultiRemove:    {"RPC_RRDB_RRDB_MULTI_REMOVE", "multi_remove", false},
	OpIncr:           {"RPC_RRDB_RRDB_INCR", "incr", true},
	OpCheckAndSet:    {"RPC_RRDB_RRDB_CHECK_AND_SET", "check_and_set", true},
	OpCheckAndMutate: {"RPC_RRDB_RRDB_CHECK_AND_MUTATE", "check_and_mutate", true},
}

const clearScannerCode = "RPC_RRDB_RRDB_CLEAR_SCANNER"

// TaskCode is the RPC name on the wire.
func (o Op) TaskCode() string { return opInfo[o].code }

func (o Op) String() string { return opInfo[o].name }
