package rrdb

import (
	"log/slog"
	"strconv"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Reads that are slow or large are logged and counted (rrdb.md §11.3). Scans, ttl and
// sortkey_count are not, as upstream.

func over(n, threshold int) bool { return threshold > 0 && n >= threshold }

func (r *reading) slow(took time.Duration) bool {
	limit := r.s.envs.Load().slowQuery
	return limit > 0 && took >= limit
}

func (r *reading) abnormal(op string, took time.Duration, attrs ...slog.Attr) {
	r.s.stats.abnormalReads.Add(1)
	caller := ""
	if r.rc.Caller != nil {
		caller = r.rc.Caller.RemoteAddr()
	}
	all := append([]slog.Attr{
		slog.String("op", op), slog.String("from", caller), slog.Duration("took", took), slog.Int("status", int(r.st.Status)),
	}, attrs...)
	r.s.log.LogAttrs(r.s.ctx, slog.LevelWarn, "abnormal read", all...)
}

// keyTextMax bounds how much of a key goes into the log.
const keyTextMax = 256

func keyAttr(name string, key []byte) slog.Attr {
	return slog.String(name, strconv.QuoteToASCII(string(key[:min(len(key), keyTextMax)])))
}

func (r *reading) noticeGet(begin time.Time, key []byte, valueLen int) {
	took := time.Since(begin)
	if !over(valueLen, r.s.engine.opts.AbnormalGetBytes) && !r.slow(took) {
		return
	}
	hashKey, sortKey, _ := base.DecodeKey(key)
	r.abnormal("get", took, keyAttr("hash_key", hashKey), keyAttr("sort_key", sortKey), slog.Int("value_bytes", valueLen))
}

func (r *reading) noticeMultiGet(g *multiGetting) {
	o, took := &r.s.engine.opts, time.Since(g.begin)
	if !over(int(g.size), o.AbnormalMultiGetBytes) && !over(g.iterated, o.AbnormalMultiGetIterCount) && !r.slow(took) {
		return
	}
	r.abnormal("multi_get", took, keyAttr("hash_key", g.q.hashKey), keyAttr("start", g.q.start), keyAttr("stop", g.q.stop),
		slog.Int("sort_keys", len(g.q.sortKeys)), slog.Int("max_kv_count", int(g.q.maxCount)), slog.Int("max_kv_size", int(g.q.maxSize)),
		slog.Bool("reverse", g.q.reverse), slog.Int("rows", g.list.count), slog.Int64("bytes", g.size), slog.Int("iterated", g.iterated))
}

func (r *reading) noticeBatchGet(begin time.Time, keys []fullKey) {
	o, took := &r.s.engine.opts, time.Since(begin)
	if !over(r.st.Bytes, o.AbnormalBatchGetBytes) && !over(r.st.Rows, o.AbnormalBatchGetCount) && !r.slow(took) {
		return
	}
	var first fullKey
	if len(keys) > 0 {
		first = keys[0]
	}
	r.abnormal("batch_get", took, slog.Int("keys", len(keys)), slog.Int("rows", r.st.Rows), slog.Int("bytes", r.st.Bytes),
		keyAttr("first_hash_key", first.hashKey), keyAttr("first_sort_key", first.sortKey))
}
