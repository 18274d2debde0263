package admission

import (
	"sync"
	"time"
)

// Verdict on one request.
type Verdict int

const (
	Pass   Verdict = iota
	Delay          // let it in after Wait, without asking again
	Reject         // refuse it after Wait: ERR_BUSY, a backup request without an answer
)

// Decision is a verdict with how long to wait before carrying it out.
type Decision struct {
	Verdict Verdict
	Wait    time.Duration
}

// Window counts units per wall clock second against two limits of one partition. A nil Window passes
// everything. It is safe for concurrent use.
type Window struct {
	table      WindowLimits
	partitions int32

	delayUnits, rejectUnits int64 // of this partition; 0: off

	mu     sync.Mutex
	second int64
	units  int64
}

// NewWindow divides a table's limits among its partitions; nil when there is none.
func NewWindow(table WindowLimits, partitions int32) *Window {
	if table.DelayUnits == 0 && table.RejectUnits == 0 {
		return nil
	}
	return &Window{
		table: table, partitions: partitions,
		delayUnits:  share(table.DelayUnits, partitions),
		rejectUnits: share(table.RejectUnits, partitions),
	}
}

func share(units int64, partitions int32) int64 {
	if units == 0 {
		return 0
	}
	return units/int64(max(partitions, 1)) + 1
}

// Ask counts a request of so many units. timeoutMs is what its client said, 0 when it did not. Units
// of a rejected request do not count.
func (w *Window) Ask(now time.Time, units int64, timeoutMs int32) Decision {
	if w == nil {
		return Decision{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if second := now.Unix(); second != w.second {
		w.second, w.units = second, 0
	}
	w.units += units
	switch {
	case w.rejectUnits > 0 && w.units > w.rejectUnits:
		w.units -= units
		return Decision{Reject, wait(w.table.RejectMs, timeoutMs)}
	case w.delayUnits > 0 && w.units > w.delayUnits:
		return Decision{Delay, wait(w.table.DelayMs, timeoutMs)}
	}
	return Decision{}
}

// waitMsMax bounds a configured wait: a request must not stay forever.
const waitMsMax = 60_000

func wait(ms int64, timeoutMs int32) time.Duration {
	if timeoutMs > 0 {
		ms = min(ms, int64(timeoutMs)/2)
	}
	return time.Duration(min(ms, waitMsMax)) * time.Millisecond
}

// Bucket lets reads in while it is not empty and is charged afterwards with what they read, below
// zero if need be. A nil Bucket is never empty. It is safe for concurrent use.
type Bucket struct {
	table      int64
	partitions int32
	rate       float64 // bytes per second, and the most it holds

	mu     sync.Mutex
	tokens float64
	at     time.Time
}

// NewBucket divides a table's bytes per second among its partitions; nil when there is no limit. It
// begins full.
func NewBucket(tableBytes int64, partitions int32) *Bucket {
	if tableBytes <= 0 {
		return nil
	}
	rate := float64(tableBytes) / float64(max(partitions, 1))
	return &Bucket{table: tableBytes, partitions: partitions, rate: rate, tokens: rate}
}

// refill: the caller holds b.mu. Time that goes back adds nothing.
func (b *Bucket) refill(now time.Time) {
	if b.at.IsZero() || now.Before(b.at) {
		b.at = now
		return
	}
	b.tokens = min(b.rate, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	b.at = now
}

// Available says whether a read may start.
func (b *Bucket) Available(now time.Time) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(now)
	return b.tokens > 0
}

// Consume charges what a read returned. More than the bucket can ever hold is not charged, as upstream
// does.
func (b *Bucket) Consume(now time.Time, bytes int64) {
	if b == nil || bytes <= 0 || float64(bytes) > b.rate {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(now)
	b.tokens -= float64(bytes)
}

// Throttles are those of one partition. A nil Throttles passes everything.
type Throttles struct {
	writeQPS, writeBytes, readQPS, backupQPS *Window
	readBytes                                *Bucket
}

// NewThrottles makes the throttles that envs ask for. Those whose rule and partition count are as in
// old keep their state; old may be nil.
func NewThrottles(e Envs, partitions int32, old *Throttles) *Throttles {
	if old == nil {
		old = &Throttles{}
	}
	t := &Throttles{
		writeQPS:   old.writeQPS.next(e.WriteQPS, partitions),
		writeBytes: old.writeBytes.next(e.WriteBytes, partitions),
		readQPS:    old.readQPS.next(e.ReadQPS, partitions),
		backupQPS:  old.backupQPS.next(e.BackupQPS, partitions),
		readBytes:  old.readBytes.next(e.ReadBytes, partitions),
	}
	if *t == (Throttles{}) {
		return nil
	}
	return t
}

func (w *Window) next(table WindowLimits, partitions int32) *Window {
	if w != nil && w.table == table && w.partitions == partitions {
		return w
	}
	return NewWindow(table, partitions)
}

func (b *Bucket) next(tableBytes int64, partitions int32) *Bucket {
	if b != nil && b.table == tableBytes && b.partitions == partitions {
		return b
	}
	return NewBucket(tableBytes, partitions)
}

// Write decides about a client's write with a body of so many bytes: first by count, then by size.
func (t *Throttles) Write(now time.Time, bytes int64, timeoutMs int32) Decision {
	if t == nil {
		return Decision{}
	}
	if d := t.writeQPS.Ask(now, 1, timeoutMs); d.Verdict != Pass {
		return d
	}
	return t.writeBytes.Ask(now, bytes, timeoutMs)
}

// Read decides about a read by its count: an ordinary one, or a backup request, which has its own
// throttle. ReadAllowed follows.
func (t *Throttles) Read(now time.Time, backup bool, timeoutMs int32) Decision {
	if t == nil {
		return Decision{}
	}
	if backup {
		return t.backupQPS.Ask(now, 1, timeoutMs)
	}
	return t.readQPS.Ask(now, 1, timeoutMs)
}

// ReadAllowed says whether the read size limit lets a read start, a backup request too; otherwise it
// is answered with ERR_BUSY.
func (t *Throttles) ReadAllowed(now time.Time) bool { return t == nil || t.readBytes.Available(now) }

// ReadDone charges the read size limit.
func (t *Throttles) ReadDone(now time.Time, bytes int64) {
	if t != nil {
		t.readBytes.Consume(now, bytes)
	}
}
