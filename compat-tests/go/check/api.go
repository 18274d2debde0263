package check

import (
	"context"
	"time"
)

// Table is the public face of a Go client's table, the same in every version up to the names of its types. Each client's
// program adapts its own to it.
type Table interface {
	KV
	SetTTL(ctx context.Context, hashKey, sortKey, value []byte, ttl time.Duration) error
	Del(ctx context.Context, hashKey, sortKey []byte) error
	TTL(ctx context.Context, hashKey, sortKey []byte) (int, error)
	Exist(ctx context.Context, hashKey, sortKey []byte) (bool, error)
	MultiSet(ctx context.Context, hashKey []byte, sortKeys, values [][]byte) error
	MultiSetOpt(ctx context.Context, hashKey []byte, sortKeys, values [][]byte, ttl time.Duration) error
	MultiDel(ctx context.Context, hashKey []byte, sortKeys [][]byte) error
	MultiGet(ctx context.Context, hashKey []byte, sortKeys [][]byte) ([]KeyValue, bool, error)
	MultiGetOpt(ctx context.Context, hashKey []byte, sortKeys [][]byte, o MultiGetOptions) ([]KeyValue, bool, error)
	MultiGetRange(ctx context.Context, hashKey, start, stop []byte) ([]KeyValue, bool, error)
	MultiGetRangeOpt(ctx context.Context, hashKey, start, stop []byte, o MultiGetOptions) ([]KeyValue, bool, error)
	SortKeyCount(ctx context.Context, hashKey []byte) (int64, error)
	GetScanner(ctx context.Context, hashKey, start, stop []byte, o ScanOptions) (Scanner, error)
	GetUnorderedScanners(ctx context.Context, maxSplitCount int, o ScanOptions) ([]Scanner, error)
	CheckAndSet(ctx context.Context, hashKey, checkSortKey []byte, t CheckType, operand, setSortKey, setValue []byte, ttlSeconds int, returnValue bool) (CheckAndSetResult, error)
	Close() error
}

// KV is the part that the failover load uses.
type KV interface {
	Set(ctx context.Context, hashKey, sortKey, value []byte) error
	Get(ctx context.Context, hashKey, sortKey []byte) ([]byte, error)
}

// Incrementer and BatchGetter are implemented by the clients that have the calls.
type Incrementer interface {
	Incr(ctx context.Context, hashKey, sortKey []byte, increment int64) (int64, error)
}

type BatchGetter interface {
	BatchGet(ctx context.Context, keys []CompositeKey) ([][]byte, error)
}

// Scanner is the same interface in all clients.
type Scanner interface {
	Next(ctx context.Context) (completed bool, hashKey []byte, sortKey []byte, value []byte, err error)
	Close() error
}

type KeyValue struct{ SortKey, Value []byte }

type CompositeKey struct{ HashKey, SortKey []byte }

// FilterType and CheckType carry the numbers of the wire.
type FilterType int

const (
	NoFilter FilterType = iota
	MatchAnywhere
	MatchPrefix
	MatchPostfix
)

type Filter struct {
	Type    FilterType
	Pattern []byte
}

type CheckType int

const (
	NoCheck CheckType = iota
	ValueNotExist
	ValueNotExistOrEmpty
	ValueExist
	ValueNotEmpty
	ValueMatchAnywhere
	ValueMatchPrefix
	ValueMatchPostfix
	BytesLess
	BytesLessOrEqual
	BytesEqual
	BytesGreaterOrEqual
	BytesGreater
	IntLess
	IntLessOrEqual
	IntEqual
	IntGreaterOrEqual
	IntGreater // the clients' own constant of this name is BytesGreater by mistake
)

type MultiGetOptions struct {
	StartInclusive, StopInclusive bool
	SortKeyFilter                 Filter
	MaxFetchCount, MaxFetchSize   int
	Reverse, NoValue              bool
}

type ScanOptions struct {
	BatchSize                     int
	StartInclusive, StopInclusive bool
	HashKeyFilter, SortKeyFilter  Filter
	NoValue                       bool
}

func newScanOptions() ScanOptions { return ScanOptions{BatchSize: 1000, StartInclusive: true} }

type CheckAndSetResult struct {
	SetSucceed, CheckValueExist, CheckValueReturned bool
	CheckValue                                      []byte
}
