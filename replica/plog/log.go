package plog

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/internal/host"
)

// Entry is one logged mutation. Data is opaque here.
type Entry struct {
	Ballot, Decree int64
	Data           []byte
}

// logFile is one file of the log, oldest first in Log.files.
type logFile struct {
	fileHeader
	path      string
	end       int64  // valid bytes; of the last file, what was written so far
	chain     uint32 // crc of the block that ends at end
	physical  int64  // size on disk, which a recycled file has from the start
	writtenAt time.Time
	pins      int // readers; a pinned file is not collected

	min, max int64     // decrees in this file; noDecree, 0 when empty. max is unknown (0) until indexed
	segments []segment // nil until indexed, see read.go
	indexed  bool
	cut      bool // bytes behind the end were left out when the log was opened

	owedIn uint64 // the journal's file that lists this one as not synced; owned by the journal
}

// Log is the private log of one replica. Its methods may be called from any goroutine; Append, Reset
// and Close are meant for the one that owns the replica. Lock order: opMu, tail.lock, mu.
type Log struct {
	dir     string
	o       Options
	fs      vfs.FS
	metrics counters

	opMu host.Mutex // one of GC, Reset, Close at a time

	mu       sync.Mutex
	idle     chan struct{} // made by who waits for active to become false, closed then
	active   bool          // somebody owns the fields below ioFile: a Syncer goroutine, Reset or Close
	queue    []*group
	pending  int64 // bytes in queue and in progress
	files    []*logFile
	last     int64 // highest decree written, or the decree of Reset
	err      error // final
	unsynced error // of the sync that failed
	closed   bool
	started  bool // an Append was seen
	syncDue  bool // SyncInterval: the timer fired
	timerSet bool
	recycled []uint64
	next     uint64 // number of the next file

	// Owned by whoever set active.
	ioFile      vfs.File // of files[len-1]; nil until the first append after Open; a flush uses it, too
	synced      int64    // bytes of ioFile on disk
	durable     int64    // bytes of ioFile on disk, there or in the journal
	preallocEnd int64

	tail     tail
	syncLock host.Mutex // held while a file is synced
	name     string     // of dir in the records of the journal; "" when it keeps none for this log
}

// group is what one write carries: the entries of all appends that came while the write before was
// in progress.
type group struct {
	buf      []byte // room for the block header, then entries
	entries  uint32
	min, max int64
	dones    []doneCall
}

type doneCall struct {
	fn  func(error)
	err error // decided when the append came in
}

var groupPool = sync.Pool{New: func() any { return new(group) }}

func newGroup() *group {
	g := groupPool.Get().(*group)
	if cap(g.buf) < blockHeaderLen {
		g.buf = make([]byte, 0, 4<<10)
	}
	g.buf = g.buf[:blockHeaderLen]
	g.entries, g.min, g.max = 0, noDecree, 0
	return g
}

func (g *group) release() {
	clear(g.dones)
	g.dones = g.dones[:0]
	if cap(g.buf) > keptBufferBytesMax {
		g.buf = nil
	}
	groupPool.Put(g)
}

// Append logs entries as one unit of a later write and calls done once: in the order of Append, after
// the write (SyncAlways: after the sync that covers it), or with the error that made the log fail.
// Entries are encoded before Append returns. done runs on the log's goroutine and must not block; it
// may be nil. Decrees need not be contiguous; a decree that comes again replaces the one before.
func (l *Log) Append(entries []Entry, done func(error)) {
	bytes := int64(0)
	for i := range entries {
		bytes += entryHeaderLen + int64(len(entries[i].Data))
	}
	l.mu.Lock()
	l.started = true
	err := l.admit(bytes)
	g := l.openGroup()
	g.dones = append(g.dones, doneCall{fn: done, err: err})
	if err == nil {
		for i := range entries {
			g.buf = appendEntry(g.buf, &entries[i])
			g.min = min(g.min, entries[i].Decree)
			g.max = max(g.max, entries[i].Decree)
		}
		g.entries += uint32(len(entries))
		l.pending += bytes
	}
	start := l.activate()
	l.mu.Unlock()
	l.metrics.appends.Add(1)
	l.o.Syncer.metrics.appends.Add(1)
	if start {
		l.o.Syncer.submit(l)
	}
}

func (l *Log) admit(bytes int64) error {
	switch {
	case l.err != nil:
		return l.err
	case l.closed:
		return ErrClosed
	case bytes > EntryBytesMax:
		return ErrTooLarge
	case l.pending+bytes > l.o.PendingBytesMax:
		return ErrFull
	}
	return nil
}

// openGroup returns the group that takes the next append.
func (l *Log) openGroup() *group {
	if n := len(l.queue); n > 0 && len(l.queue[n-1].buf) < groupBytesMax {
		return l.queue[n-1]
	}
	g := newGroup()
	l.queue = append(l.queue, g)
	return g
}

// activate makes the caller responsible for submitting l, unless somebody is at work already.
func (l *Log) activate() bool {
	if l.active {
		return false
	}
	l.active = true
	return true
}

// step writes one group, or does the sync that is due, on a Syncer goroutine. It says whether more
// waits; when it says no, it has given up l.active.
func (l *Log) step() (more bool) {
	g, syncDue := l.take()
	if g != nil {
		l.finish(g, l.commit(g))
	}
	if syncDue {
		l.syncWritten()
	}
	return l.goesOn()
}

// take removes the group that is to be written next, nil when there is none.
func (l *Log) take() (g *group, syncDue bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 {
		g = l.queue[0]
		n := copy(l.queue, l.queue[1:])
		l.queue[n] = nil
		l.queue = l.queue[:n]
	}
	syncDue = l.syncDue
	l.syncDue = false
	return g, syncDue
}

// finish tells the appends of a group how it went.
func (l *Log) finish(g *group, err error) {
	l.mu.Lock()
	l.pending -= int64(len(g.buf) - blockHeaderLen) // before the callbacks: what they append finds the room
	l.mu.Unlock()
	for i := range g.dones {
		d := &g.dones[i]
		if d.err == nil {
			d.err = err
		}
		if d.fn != nil {
			d.fn(d.err)
		}
	}
	g.release()
}

// goesOn reports whether more waits; otherwise the caller does not own l any more.
func (l *Log) goesOn() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 || l.syncDue {
		return true
	}
	l.deactivate()
	return false
}

// waiting is the size of the group that is to be written next, in bytes.
func (l *Log) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return 0
	}
	return len(l.queue[0].buf)
}

// acquire waits until everything appended so far was written and takes the place of the Syncer's goroutine.
func (l *Log) acquire() {
	l.mu.Lock()
	for l.active {
		if l.idle == nil {
			l.idle = make(chan struct{})
		}
		idle := l.idle
		l.mu.Unlock()
		l.o.Host.Recv(idle)
		l.mu.Lock()
	}
	l.active = true
	l.mu.Unlock()
}

// deactivate ends the right to the fields that active protects. Called with mu held.
func (l *Log) deactivate() {
	l.active = false
	if l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}

func (l *Log) release() {
	l.mu.Lock()
	more := len(l.queue) > 0 || l.syncDue
	if !more {
		l.deactivate()
	}
	l.mu.Unlock()
	if more {
		l.o.Syncer.submit(l)
	}
}

// fail makes err the answer to everything that follows.
func (l *Log) fail(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		l.o.Logger.Error("private log failed", "dir", l.dir, "error", err)
	}
	return l.err
}

// Err is the error that ended the log, nil while it works.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// LastDecree is the highest decree written so far, or the one given to Reset when nothing was since.
func (l *Log) LastDecree() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// FirstDecree is the lowest decree from which the log can serve Read. It exceeds LastDecree by one
// when the log is empty.
func (l *Log) FirstDecree() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first()
}

func (l *Log) first() int64 {
	if len(l.files) == 0 {
		return l.last + 1
	}
	return l.files[0].afterDecree + 1
}

// TailCut reports whether Open left out what stood behind the last readable block. Usually that was
// a write which the end of the process or of the power interrupted, so that nobody was told of it;
// but a block that was synced and got damaged since looks the same.
func (l *Log) TailCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		if f.cut {
			return true
		}
	}
	return false
}

// Bytes is the size of all files together, without what recycled files hold beyond their end.
func (l *Log) Bytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes()
}

func (l *Log) bytes() (sum int64) {
	for _, f := range l.files {
		sum += f.end
	}
	return sum
}

// Metrics of this log; those of the whole disk are at the Syncer.
func (l *Log) Metrics() Metrics { return l.metrics.load() }

// Close waits for pending appends, syncs, marks a clean end and closes the file. Appends that come
// later fail with ErrClosed. It returns the error that ended the log, if one did.
func (l *Log) Close() error {
	l.opMu.Lock(l.o.Host)
	defer l.opMu.Unlock()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return l.Err()
	}
	l.closed = true
	l.mu.Unlock()
	l.acquire()
	defer l.release()
	if l.ioFile == nil {
		return l.Err()
	}
	if l.Err() == nil {
		l.writeEnd()
		if err := l.o.Syncer.journal.release(l); err != nil {
			l.fail(err)
		}
	}
	l.closeFile()
	if l.Err() == nil || !l.o.Syncer.journal.lacks(l) {
		l.dropTail()
	}
	return l.Err()
}

// closeFile waits for a flush.
func (l *Log) closeFile() {
	l.tail.lock.Lock(l.o.Host)
	defer l.tail.lock.Unlock()
	if err := l.ioFile.Close(); err != nil {
		l.fail(ioErr("close", l.current().path, err))
	}
	l.ioFile = nil
}
