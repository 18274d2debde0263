package rrdb

import (
	"bytes"
	"fmt"
	"math/rand"
	"sort"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// model is the data plane over a map, written from the specification and from nothing in the
// package but the integer parser, which has tests of its own.
type model struct {
	rows map[string]modelRow
	ttl  int32
	now  uint32
}

type modelRow struct {
	value  string
	expire uint32
}

func (m *model) get(key string) (modelRow, bool) {
	row, ok := m.rows[key]
	if ok && row.expire > 0 && row.expire <= m.now {
		return modelRow{}, false
	}
	return row, ok
}

func (m *model) put(key, value string, expire int32) {
	e := uint32(expire)
	if e == 0 && m.ttl > 0 {
		e = m.now + uint32(m.ttl)
	}
	m.rows[key] = modelRow{value, e}
}

func modelKey(hash, sort []byte) string { return string(base.EncodeKey(hash, sort)) }

// apply returns what the reply must show: status and, by kind, count, new value or check value.
func (m *model) apply(u Update) string {
	switch u.Op {
	case OpPut:
		var q rrdb.UpdateRequest
		genDecode(u.Body, &q)
		m.put(string(q.Key.Data), string(q.Value.Data), q.ExpireTsSeconds)
		return "0"
	case OpRemove:
		var q base.Blob
		genDecode(u.Body, &q)
		delete(m.rows, string(q.Data))
		return "0"
	case OpMultiPut:
		var q rrdb.MultiPutRequest
		genDecode(u.Body, &q)
		for _, kv := range q.Kvs {
			m.put(modelKey(q.HashKey.Data, kv.Key.Data), string(kv.Value.Data), q.ExpireTsSeconds)
		}
		return "0"
	case OpMultiRemove:
		var q rrdb.MultiRemoveRequest
		genDecode(u.Body, &q)
		for _, k := range q.SortKeys {
			delete(m.rows, modelKey(q.HashKey.Data, k.Data))
		}
		return fmt.Sprint("0 ", len(q.SortKeys))
	case OpIncr:
		var q rrdb.IncrRequest
		genDecode(u.Body, &q)
		return m.incr(&q)
	case OpCheckAndSet:
		var q rrdb.CheckAndSetRequest
		genDecode(u.Body, &q)
		return m.cas(&q)
	case OpCheckAndMutate:
		var q rrdb.CheckAndMutateRequest
		genDecode(u.Body, &q)
		return m.cam(&q)
	}
	return ""
}

func (m *model) incr(q *rrdb.IncrRequest) string {
	old, ok := m.get(string(q.Key.Data))
	n, expire := int64(0), q.ExpireTsSeconds
	if ok && old.value != "" {
		if n, ok = parseInt64([]byte(old.value)); !ok {
			return "4 0"
		}
	}
	if expire < 0 {
		expire = 0
	} else if expire == 0 {
		expire = int32(old.expire)
	}
	if q.Increment > 0 && n > 9223372036854775807-q.Increment || q.Increment < 0 && n < -9223372036854775808-q.Increment {
		return fmt.Sprint("4 ", n)
	}
	m.put(string(q.Key.Data), fmt.Sprint(n+q.Increment), expire)
	return fmt.Sprint("0 ", n+q.Increment)
}

func (m *model) check(hash, sortKey []byte, typ rrdb.CasCheckType, operand []byte) (pass bool, shown string) {
	row, ok := m.get(modelKey(hash, sortKey))
	shown = fmt.Sprintf("%v %s", ok, row.value)
	v, o := row.value, string(operand)
	switch {
	case typ == 0:
		return true, "0 " + shown
	case typ == 1:
		pass = !ok
	case typ == 2:
		pass = !ok || v == ""
	case typ > 17:
		return false, "4 false "
	case !ok:
	case typ == 3:
		pass = true
	case typ == 4:
		pass = v != ""
	case typ == 5:
		pass = strings.Contains(v, o)
	case typ == 6:
		pass = strings.HasPrefix(v, o)
	case typ == 7:
		pass = strings.HasSuffix(v, o)
	case typ <= 12:
		pass = []bool{v < o, v <= o, v == o, v >= o, v > o}[typ-8]
	default:
		a, ok1 := parseInt64([]byte(v))
		b, ok2 := parseInt64(operand)
		if !ok1 || !ok2 {
			return false, "4 " + shown
		}
		pass = []bool{a < b, a <= b, a == b, a >= b, a > b}[typ-13]
	}
	if pass {
		return true, "0 " + shown
	}
	return false, "13 " + shown
}

func (m *model) cas(q *rrdb.CheckAndSetRequest) string {
	pass, shown := m.check(q.HashKey.Data, q.CheckSortKey.Data, q.CheckType, q.CheckOperand.Data)
	if pass {
		target := q.CheckSortKey
		if q.SetDiffSortKey {
			target = q.SetSortKey
		}
		m.put(modelKey(q.HashKey.Data, target.Data), string(q.SetValue.Data), q.SetExpireTsSeconds)
	}
	return shown
}

func (m *model) cam(q *rrdb.CheckAndMutateRequest) string {
	if len(q.MutateList) == 0 {
		return "4 false "
	}
	pass, shown := m.check(q.HashKey.Data, q.CheckSortKey.Data, q.CheckType, q.CheckOperand.Data)
	if pass {
		for _, s := range q.MutateList {
			if key := modelKey(q.HashKey.Data, s.SortKey.Data); s.Operation == rrdb.MutateOperation_MO_DELETE {
				delete(m.rows, key)
			} else {
				m.put(key, string(s.Value.Data), s.SetExpireTsSeconds)
			}
		}
	}
	return shown
}

func showReply(t *testing.T, op Op, b []byte) string {
	switch op {
	case OpMultiRemove, OpIncr:
		var resp rrdb.IncrResponse
		unwrap(t, b, &resp)
		return fmt.Sprint(resp.Error, " ", resp.NewValue_)
	case OpCheckAndSet, OpCheckAndMutate:
		var resp rrdb.CheckAndSetResponse
		unwrap(t, b, &resp)
		return fmt.Sprintf("%d %v %s", resp.Error, resp.CheckValueExist, resp.CheckValue.Bytes())
	default:
		return fmt.Sprint(ReplyStatus(b))
	}
}

// live lists the live keys between two bounds in order.
func (m *model) live(start, stop string) (keys []string) {
	for k := range m.rows {
		if _, ok := m.get(k); ok && k >= start && k < stop {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	return keys
}

// A long random run of every operation against the map.
func TestModel(t *testing.T) {
	for seed := range int64(5) {
		rnd := rand.New(rand.NewSource(seed))
		r := newRig(t, func(o *EngineOptions) { o.SweepRowsPerSecond = 1e9 })
		m := &model{rows: map[string]modelRow{}}
		for range 400 {
			r.ts += rnd.Int63n(2e6)
			r.ttl = rnd.Int31n(2) * rnd.Int31n(30)
			m.ttl, m.now = r.ttl, base.EpochSecondsOfMicros(r.ts)
			r.rc.Now = m.now
			modelMutation(t, rnd, r, m)
			disturb(t, rnd, r)
			modelReads(t, rnd, r, m)
		}
	}
}

func modelMutation(t *testing.T, rnd *rand.Rand, r *rig, m *model) {
	var updates []Update
	for range rnd.Intn(4) {
		if u := randomUpdate(rnd, 8, r.ts); u.Op != OpDuplicate {
			updates = append(updates, u)
		}
	}
	replies := r.apply(updates...)
	for i, u := range updates {
		eq(t, fmt.Sprintf("%v %x", u.Op, u.Body), showReply(t, u.Op, replies[i]), m.apply(u))
	}
}

func modelReads(t *testing.T, rnd *rand.Rand, r *rig, m *model) {
	hash, sortKey := pick(rnd, 9)
	row, ok := m.get(string(rawKey(hash, sortKey)))
	want, wantTTL := row.value, int32(-1)
	if !ok {
		want, wantTTL = "!1", 0
	} else if row.expire > 0 {
		wantTTL = int32(row.expire - m.now)
	}
	eq(t, "get", r.get(hash, sortKey), want)
	_, ttl := r.ttlOf(hash, sortKey)
	eq(t, "ttl", ttl, wantTTL)

	all := m.live(string(rawKey(hash, "")), string(base.AppendNextKey(nil, []byte(hash), nil)))
	var count rrdb.CountResponse
	r.read(OpSortkeyCount, blob(hash), &count)
	eq(t, "count", count.Count, int64(len(all)))
	modelMultiGet(t, rnd, r, m, hash, all)

	q := fullScan(rnd.Int31n(12))
	q.HashKeyFilterType, q.HashKeyFilterPattern = rrdb.FilterType(rnd.Intn(4)), blob([]string{"", "h", "1", "2"}[rnd.Intn(4)])
	filter := keyFilter{int32(q.HashKeyFilterType), q.HashKeyFilterPattern.Data}
	var rows []string
	for _, k := range m.live("", "\xff\xff") {
		h, s, _ := base.DecodeKey([]byte(k))
		if modelMatch(filter, h) {
			rows = append(rows, fmt.Sprintf("%s/%s=%s", h, s, m.rows[k].value))
		}
	}
	got, _ := r.drain(r.scanner(q))
	eq(t, "scan", got, strings.Join(rows, " "))
}

func modelMatch(f keyFilter, key []byte) bool {
	switch f.kind {
	case 1:
		return bytes.Contains(key, f.pattern)
	case 2:
		return bytes.HasPrefix(key, f.pattern)
	case 3:
		return bytes.HasSuffix(key, f.pattern)
	}
	return true
}

func modelMultiGet(t *testing.T, rnd *rand.Rand, r *rig, m *model, hash string, all []string) {
	bound := func() string { return []string{"", "s", "s2", "s5", "s7", "t"}[rnd.Intn(6)] }
	q := rng(bound(), rnd.Intn(2) == 0, bound(), rnd.Intn(2) == 0)
	q.HashKey, q.Reverse = blob(hash), rnd.Intn(2) == 0
	q.SortKeyFilterType, q.SortKeyFilterPattern = rrdb.FilterType(rnd.Intn(4)), blob([]string{"", "s", "3", "s3"}[rnd.Intn(4)])
	var rows []string
	for _, k := range all {
		s := k[2+len(hash):]
		start, stop := string(q.StartSortkey.Data), string(q.StopSortkey.Data)
		if s > start || s == start && q.StartInclusive {
			if (stop == "" || s < stop || s == stop && q.StopInclusive) && modelMatch(keyFilter{int32(q.SortKeyFilterType), q.SortKeyFilterPattern.Data}, []byte(s)) {
				rows = append(rows, fmt.Sprintf(" %s=%s", s, m.rows[k].value))
			}
		}
	}
	eq(t, fmt.Sprintf("multi_get %+v", q), r.multiGet(q), "0:"+strings.Join(rows, ""))
	if n := rnd.Intn(len(rows) + 1); n > 0 && n < len(rows) {
		q.MaxKvCount = int32(n)
		part := rows[:n]
		if q.Reverse {
			part = rows[len(rows)-n:]
		}
		eq(t, fmt.Sprintf("limited multi_get %+v", q), r.multiGet(q), "7:"+strings.Join(part, ""))
	}
}
