package rrdb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

func (r *rig) scanner(q *rrdb.GetScannerRequest) *rrdb.ScanResponse {
	r.Helper()
	var resp rrdb.ScanResponse
	r.read(OpGetScanner, q, &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	return &resp
}

func (r *rig) scan(id int64) *rrdb.ScanResponse {
	r.Helper()
	var resp rrdb.ScanResponse
	r.read(OpScan, &rrdb.ScanRequest{ContextID: id}, &resp)
	r.checkIDs(resp.AppID, resp.PartitionIndex, resp.Server)
	return &resp
}

func showRows(kvs []*rrdb.KeyValue) string {
	var out []string
	for _, kv := range kvs {
		hashKey, sortKey, err := base.DecodeKey(kv.Key.Bytes())
		if err != nil {
			return err.Error()
		}
		s := fmt.Sprintf("%s/%s=%s", hashKey, sortKey, kv.Value.Bytes())
		if kv.IsSetExpireTsSeconds() {
			s += fmt.Sprintf("@%d", kv.GetExpireTsSeconds())
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// fullScan is what an unordered scanner of a client asks for.
func fullScan(batch int32) *rrdb.GetScannerRequest {
	yes := true
	return &rrdb.GetScannerRequest{StartKey: blob("\x00\x00"), StopKey: blob("\xff\xff"), StartInclusive: true, BatchSize: batch, FullScan: &yes, ValidatePartitionHash: &yes}
}

// drain follows a scan to its end and returns the rows and the number of replies.
func (r *rig) drain(resp *rrdb.ScanResponse) (string, int) {
	r.Helper()
	var rows []string
	for n := 1; ; n++ {
		eq(r, "scan status", resp.Error, 0)
		if s := showRows(resp.Kvs); s != "" {
			rows = append(rows, s)
		}
		if resp.ContextID == contextDone {
			return strings.Join(rows, " "), n
		}
		next := r.scan(resp.ContextID)
		if next.ContextID != contextDone {
			eq(r, "ids grow by one", next.ContextID, resp.ContextID+1)
		}
		resp = next
	}
}

func fillScan(r *rig) {
	r.multiPut("b", "1", "b1", "2", "b2")
	r.multiPut("aa", "1", "aa1")
	r.multiPut("", "s", "es")
	r.put("b", "0", "dead", -1)
	r.put("c", "", "c", 100)
}

func TestFullScanInKeyOrder(t *testing.T) {
	r := newRig(t)
	fillScan(r)
	all := "/s=es b/1=b1 b/2=b2 c/=c aa/1=aa1" // shorter hash keys come first
	for _, batch := range []int32{0, 1, 2, 3, 5, 6, 1000, 5000, -1} {
		rows, _ := r.drain(r.scanner(fullScan(batch)))
		eq(t, fmt.Sprint("batch ", batch), rows, all)
	}
	q := fullScan(0)
	yes := true
	q.ReturnExpireTs = &yes
	rows, _ := r.drain(r.scanner(q))
	eq(t, "expiry", rows, fmt.Sprintf("/s=es@0 b/1=b1@0 b/2=b2@0 c/=c@%d aa/1=aa1@0", now0+100))
	q = fullScan(0)
	q.NoValue = true
	rows, _ = r.drain(r.scanner(q))
	eq(t, "no value", rows, "/s= b/1= b/2= c/= aa/1=")
}

func hashScan(hashKey string, batch int32) *rrdb.GetScannerRequest {
	no := false
	return &rrdb.GetScannerRequest{StartKey: base.BlobOf(rawKey(hashKey, "")), StopKey: base.BlobOf(base.AppendNextKey(nil, []byte(hashKey), nil)), StartInclusive: true, BatchSize: batch, ValidatePartitionHash: &no}
}

func TestHashScan(t *testing.T) {
	r := newRig(t)
	fillScan(r)
	rows, _ := r.drain(r.scanner(hashScan("b", 1)))
	eq(t, "hash scan", rows, "b/1=b1 b/2=b2")
	q := hashScan("b", 0)
	q.StopKey = blob("\xff\xff")
	rows, _ = r.drain(r.scanner(q))
	eq(t, "without full_scan only the first hash key is read", rows, "b/1=b1 b/2=b2")
	yes := true
	q.FullScan = &yes
	rows, _ = r.drain(r.scanner(q))
	eq(t, "with full_scan all are", rows, "b/1=b1 b/2=b2 c/=c aa/1=aa1")
	for _, c := range []struct {
		start, stop string
		si, so      bool
		want        string
	}{{"1", "2", true, false, "b/1=b1"}, {"1", "2", false, true, "b/2=b2"}, {"1", "2", true, true, "b/1=b1 b/2=b2"}, {"1", "2", false, false, ""}, {"2", "2", true, true, "b/2=b2"}} {
		q := &rrdb.GetScannerRequest{StartKey: base.BlobOf(rawKey("b", c.start)), StopKey: base.BlobOf(rawKey("b", c.stop)), StartInclusive: c.si, StopInclusive: c.so, BatchSize: 1}
		rows, _ = r.drain(r.scanner(q))
		eq(t, fmt.Sprintf("%+v", c), rows, c.want)
	}
}

// The original answers context 0 for an empty range. So do we, and it is never a live context: the
// Go client asks for 0 after a failed SCAN, to be told to begin anew.
func TestEmptyRangesHaveNoContext(t *testing.T) {
	r := newRig(t)
	fillScan(r)
	for what, q := range map[string]*rrdb.GetScannerRequest{
		"inverted":        {StartKey: base.BlobOf(rawKey("b", "2")), StopKey: base.BlobOf(rawKey("b", "1")), StartInclusive: true, StopInclusive: true},
		"half open":       {StartKey: base.BlobOf(rawKey("b", "1")), StopKey: base.BlobOf(rawKey("b", "1")), StartInclusive: true},
		"empty stop key":  {StartKey: blob("\x00\x00"), StartInclusive: true},
		"beyond all data": {StartKey: blob("\xff\xff"), StopKey: blob("\xff\xff\xff"), StartInclusive: true, StopInclusive: true},
		"reserved keys":   {StartKey: base.BlobOf(stateKey), StopKey: blob("\xff\xff\xff"), StartInclusive: true, StopInclusive: true},
	} {
		resp := r.scanner(q)
		eq(t, what, resp.Error, 0)
		eq(t, what, len(resp.Kvs), 0)
		eq(t, what, resp.ContextID, 0)
	}
	eq(t, "scan of context 0", r.scan(0).Error, StatusNotFound)
	resp := r.scanner(&rrdb.GetScannerRequest{})
	eq(t, "no fields at all", resp.ContextID, 0)
	resp = r.scanner(&rrdb.GetScannerRequest{StartKey: blob(""), StopKey: blob("\xff\xff\xff"), StartInclusive: true, StopInclusive: true})
	eq(t, "wider than the data", showRows(resp.Kvs), "/s=es b/1=b1 b/2=b2 c/=c aa/1=aa1")
	resp = r.scanner(&rrdb.GetScannerRequest{StartKey: blob("\x00"), StopKey: blob("\x00\x05a"), StartInclusive: true})
	eq(t, "malformed bounds", showRows(resp.Kvs), "/s=es b/1=b1 b/2=b2 c/=c aa/1=aa1")
}

func TestScanFilters(t *testing.T) {
	r := newRig(t)
	r.multiPut("m1", "a", "", "b1", "")
	r.multiPut("m2", "1", "")
	r.multiPut("n1", "1", "")
	r.multiPut("xm", "1", "")
	q := fullScan(1)
	q.HashKeyFilterType, q.HashKeyFilterPattern = 2, blob("m")
	q.SortKeyFilterType, q.SortKeyFilterPattern = 3, blob("1")
	rows, _ := r.drain(r.scanner(q))
	eq(t, "both", rows, "m1/b1= m2/1=")
	q.FullScan = nil // an old client; it starts at the empty hash key, wherever the filter moves the start
	rows, _ = r.drain(r.scanner(q))
	eq(t, "both, without full_scan", rows, "m1/b1= m2/1=")
	q.StartKey = base.BlobOf(rawKey("a", ""))
	rows, _ = r.drain(r.scanner(q))
	eq(t, "confined to the hash key the filter moved to", rows, "")
	q = fullScan(1)
	q.HashKeyFilterPattern = blob("m")
	q.HashKeyFilterType, q.SortKeyFilterType = 1, 0
	rows, _ = r.drain(r.scanner(q))
	eq(t, "anywhere", rows, "m1/a= m1/b1= m2/1= xm/1=")
	q.HashKeyFilterType = 9
	eq(t, "bad hash filter", r.scanner(q).Error, StatusInvalidArgument)
	q.HashKeyFilterType, q.SortKeyFilterType = 0, -1
	eq(t, "bad sort filter", r.scanner(q).Error, StatusInvalidArgument)
}

func TestOnlyReturnCount(t *testing.T) {
	r := newRig(t)
	fillScan(r)
	q := fullScan(2)
	q.OnlyReturnCount = true
	resp, total := r.scanner(q), int32(0)
	for {
		eq(t, "rows", len(resp.Kvs), 0)
		total += resp.GetKvCount()
		eq(t, "stat", int32(r.stats.Rows), resp.GetKvCount())
		if resp.ContextID == contextDone {
			break
		}
		resp = r.scan(resp.ContextID)
	}
	eq(t, "sum", total, 5)
}

// A batch visits at most 1000 rows, so one of filtered rows can be empty with more to come.
func TestScanIterationCap(t *testing.T) {
	r := newRig(t)
	var pairs []string
	for i := range 2500 {
		pairs = append(pairs, fmt.Sprintf("%04d", i), "")
	}
	r.multiPut("h", pairs...)
	resp := r.scanner(fullScan(5000))
	eq(t, "rows", len(resp.Kvs), 1000)
	rows, n := r.drain(resp)
	eq(t, "replies", n, 3)
	eq(t, "rows", strings.Count(rows, "h/"), 2500)
	q := fullScan(100)
	q.SortKeyFilterType, q.SortKeyFilterPattern = 1, blob("nothing")
	resp = r.scanner(q)
	eq(t, "empty batch", len(resp.Kvs), 0)
	eq(t, "goes on", resp.ContextID > 0, true)
	_, n = r.drain(resp)
	eq(t, "later batches visit as many rows as the batch size", n, 16)
}

func TestScanContexts(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.ScanContextsMax = 3 })
	r.multiPut("h", "a", "1", "b", "2", "c", "3")
	first := r.scanner(fullScan(1))
	eq(t, "positive and random", first.ContextID >= 1<<32, true)
	r.put("h", "aa", "later")
	r.apply(Update{OpRemove, body(1, base.BlobOf(rawKey("h", "c")))})
	second := r.scan(first.ContextID)
	eq(t, "sees the state it began with", showRows(second.Kvs), "h/b=2")
	stale := r.scan(first.ContextID)
	eq(t, "an id is good once", stale.Error, StatusNotFound)
	eq(t, "rows", len(stale.Kvs), 0)
	rows, _ := r.drain(second)
	eq(t, "to the end", rows, "h/b=2 h/c=3")
	eq(t, "finished id", r.scan(-1).Error, StatusNotFound)

	a := r.scanner(fullScan(1))
	if out, st := r.s.Read(OpClearScanner, clearBody(a.ContextID), []byte("x"), r.rc); string(out) != "x" || st.Err != base.ErrOK {
		t.Fatalf("clear_scanner: %q, %v", out, st.Err)
	}
	eq(t, "cleared", r.scan(a.ContextID).Error, StatusNotFound)
	var ids []int64
	for range 5 {
		ids = append(ids, r.scanner(fullScan(1)).ContextID)
	}
	eq(t, "bounded", r.s.scans.len(), 3)
	for i, want := range []Status{1, 1, 0, 0, 0} {
		eq(t, "the oldest are dropped", r.scan(ids[i]).Error, want)
	}
	for i := range 100 { // used ids are forgotten
		r.drain(r.scanner(fullScan(1)))
		if n := len(r.s.scans.order); n > 7 {
			t.Fatalf("after %d scans %d ids are remembered", i, n)
		}
	}
	old := r.scanner(fullScan(1)).ContextID
	r.s.scans.expire(time.Now().Add(6 * time.Minute))
	eq(t, "dropped after five minutes", r.s.scans.len(), 0)
	eq(t, "expired", r.scan(old).Error, StatusNotFound)
	r.scanner(fullScan(1))
	r.reopen() // Close does not complain of leaked iterators
	eq(t, "gone with the store", r.s.scans.len(), 0)
}

func clearBody(id int64) []byte { return append(appendI64Field(nil, 1, id), 0) }

// With the env on and the request asking for it, rows of other partitions are hidden.
func TestScanHidesRowsOfOtherPartitions(t *testing.T) {
	r := newRig(t)
	var mine, all []string
	for i := range 64 {
		key := fmt.Sprintf("key%02d", i)
		r.put(key, "s", "")
		row := key + "/s="
		all = append(all, row)
		if base.KeyHash(rawKey(key, "s"))&7 == uint64(testGpid.PartitionIndex) {
			mine = append(mine, row)
		}
	}
	run := func(version int32, env bool, validate *bool) string {
		r.rc.PartitionVersion, r.rc.ValidateHash = version, env
		q := fullScan(10)
		q.ValidatePartitionHash = validate
		rows, _ := r.drain(r.scanner(q))
		return rows
	}
	yes, no := true, false
	eq(t, "on", run(7, true, &yes), strings.Join(mine, " "))
	eq(t, "absent means on", run(7, true, nil), strings.Join(mine, " "))
	eq(t, "request off", run(7, true, &no), strings.Join(all, " "))
	eq(t, "env off", run(7, false, &yes), strings.Join(all, " "))
	eq(t, "splitting", run(-1, true, &yes), "")
	eq(t, "index beyond version", run(1, true, &yes), "")
	if len(mine) == 0 || len(mine) == len(all) {
		t.Fatal("the keys prove nothing")
	}
}
