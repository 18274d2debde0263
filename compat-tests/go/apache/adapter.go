package main

import (
	"context"

	"github.com/apache/incubator-pegasus/go-client/pegasus"
	"github.com/pegasus-go/pegasus/compat-tests/go/check"
)

// table gives the client's table the types of package check.
type table struct{ pegasus.TableConnector }

func keyValues(kvs []*pegasus.KeyValue, all bool, err error) ([]check.KeyValue, bool, error) {
	var out []check.KeyValue
	for _, kv := range kvs {
		out = append(out, check.KeyValue(*kv))
	}
	return out, all, err
}

func filter(f check.Filter) pegasus.Filter {
	return pegasus.Filter{Type: pegasus.FilterType(f.Type), Pattern: f.Pattern}
}

func multiGetOptions(o check.MultiGetOptions) *pegasus.MultiGetOptions {
	return &pegasus.MultiGetOptions{
		StartInclusive: o.StartInclusive, StopInclusive: o.StopInclusive, SortKeyFilter: filter(o.SortKeyFilter),
		MaxFetchCount: o.MaxFetchCount, MaxFetchSize: o.MaxFetchSize, Reverse: o.Reverse, NoValue: o.NoValue,
	}
}

func scannerOptions(o check.ScanOptions) *pegasus.ScannerOptions {
	return &pegasus.ScannerOptions{
		BatchSize: o.BatchSize, StartInclusive: o.StartInclusive, StopInclusive: o.StopInclusive,
		HashKeyFilter: filter(o.HashKeyFilter), SortKeyFilter: filter(o.SortKeyFilter), NoValue: o.NoValue,
	}
}

func (t table) MultiGet(ctx context.Context, hashKey []byte, sortKeys [][]byte) ([]check.KeyValue, bool, error) {
	return keyValues(t.TableConnector.MultiGet(ctx, hashKey, sortKeys))
}

func (t table) MultiGetOpt(ctx context.Context, hashKey []byte, sortKeys [][]byte, o check.MultiGetOptions) ([]check.KeyValue, bool, error) {
	return keyValues(t.TableConnector.MultiGetOpt(ctx, hashKey, sortKeys, multiGetOptions(o)))
}

func (t table) MultiGetRange(ctx context.Context, hashKey, start, stop []byte) ([]check.KeyValue, bool, error) {
	return keyValues(t.TableConnector.MultiGetRange(ctx, hashKey, start, stop))
}

func (t table) MultiGetRangeOpt(ctx context.Context, hashKey, start, stop []byte, o check.MultiGetOptions) ([]check.KeyValue, bool, error) {
	return keyValues(t.TableConnector.MultiGetRangeOpt(ctx, hashKey, start, stop, multiGetOptions(o)))
}

func (t table) GetScanner(ctx context.Context, hashKey, start, stop []byte, o check.ScanOptions) (check.Scanner, error) {
	return t.TableConnector.GetScanner(ctx, hashKey, start, stop, scannerOptions(o))
}

func (t table) GetUnorderedScanners(ctx context.Context, maxSplitCount int, o check.ScanOptions) ([]check.Scanner, error) {
	scanners, err := t.TableConnector.GetUnorderedScanners(ctx, maxSplitCount, scannerOptions(o))
	var out []check.Scanner
	for _, s := range scanners {
		out = append(out, s)
	}
	return out, err
}

func (t table) CheckAndSet(ctx context.Context, hashKey, checkSortKey []byte, ct check.CheckType, operand, setSortKey, setValue []byte, ttlSeconds int, returnValue bool) (check.CheckAndSetResult, error) {
	o := &pegasus.CheckAndSetOptions{SetValueTTLSeconds: ttlSeconds, ReturnCheckValue: returnValue}
	r, err := t.TableConnector.CheckAndSet(ctx, hashKey, checkSortKey, pegasus.CheckType(ct), operand, setSortKey, setValue, o)
	if err != nil {
		return check.CheckAndSetResult{}, err
	}
	return check.CheckAndSetResult{SetSucceed: r.SetSucceed, CheckValueExist: r.CheckValueExist, CheckValueReturned: r.CheckValueReturned, CheckValue: r.CheckValue}, nil
}

func (t table) BatchGet(ctx context.Context, keys []check.CompositeKey) ([][]byte, error) {
	var out []pegasus.CompositeKey
	for _, k := range keys {
		out = append(out, pegasus.CompositeKey(k))
	}
	return t.TableConnector.BatchGet(ctx, out)
}
