package plog

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pegasus-go/pegasus/internal/host"
)

// DefaultSyncsConcurrent is a good bound for one disk: enough that the file system merges flushes of
// different logs, few enough that a log which waits in line gathers more appends for its turn.
// Measured with 8 logs and 32 callers: 1 costs latency, 8 costs 2.4 times the syncs of 2.
const DefaultSyncsConcurrent = 4

// Syncer runs the writes and syncs of all logs on one disk. With a Journal, the logs that wait are written in rounds, one
// sync for all of them; large groups, and logs the journal does not take, are synced one by one, on at most a fixed
// number of goroutines. A goroutine exists only while there is work: an idle log costs none. Logs wait in line, and a log
// that was served goes to the end, so that a busy one does not starve the others.
type Syncer struct {
	metrics counters
	on      host.Host
	journal *Journal // nil: there is none
	tails   lender

	mu       sync.Mutex
	line     []*Log // waiting to be synced alone, from head on
	head     int
	running  int
	max      int
	gathered []*Log // waiting for the next round
	rounding bool   // a goroutine runs rounds

	// Owned by that goroutine.
	spare  []*Log
	staged []staged
}

// staged is a log's group in a round: put into its file or tail, not synced yet.
type staged struct {
	l         *Log
	g         *group
	err       error
	journaled bool
}

// NewSyncer bounds the syncs of single logs in progress; values below 1 mean DefaultSyncsConcurrent. Its goroutines run on h.
func NewSyncer(concurrentMax int, h host.Host) *Syncer {
	if concurrentMax < 1 {
		concurrentMax = DefaultSyncsConcurrent
	}
	return &Syncer{max: concurrentMax, on: h}
}

// Metrics is the sum over all logs that use the Syncer, and the journal.
func (s *Syncer) Metrics() Metrics { return s.metrics.load() }

// UseJournal makes the logs that are opened from now on share syncs. Called before the first of them.
func (s *Syncer) UseJournal(j *Journal) {
	j.metrics = &s.metrics
	s.journal = j
}

// submit lets the log's next group be written soon. The caller has set l.active, so l is in line at most once.
func (s *Syncer) submit(l *Log) {
	if l.o.Sync == SyncAlways && l.name != "" && l.waiting() <= s.journal.recordMax() {
		s.gather(l)
		return
	}
	s.mu.Lock()
	if s.running < s.max {
		s.running++
		s.mu.Unlock()
		s.on.Go(func() { s.work(l) })
		return
	}
	s.line = append(s.line, l)
	s.mu.Unlock()
}

// gather puts a log into the next round.
func (s *Syncer) gather(l *Log) {
	s.mu.Lock()
	s.gathered = append(s.gathered, l)
	start := !s.rounding
	s.rounding = true
	s.mu.Unlock()
	if start {
		s.on.Go(s.rounds)
	}
}

// rounds runs one round after the other until no log waits. What comes during a round waits for the next.
func (s *Syncer) rounds() {
	for {
		runtime.Gosched() // logs whose turn is about to come join the round
		s.mu.Lock()
		logs := s.gathered
		if len(logs) == 0 {
			s.rounding = false
			s.mu.Unlock()
			return
		}
		s.gathered, s.spare = s.spare[:0], nil
		s.mu.Unlock()
		s.round(logs)
		clear(logs)
		s.spare = logs[:0]
	}
}

// round writes a group of each log to its file or tail, and all of them to the journal, syncs that, and tells who waits. A log whose
// group the journal did not take syncs for itself.
func (s *Syncer) round(logs []*Log) {
	round := s.staged[:0]
	for _, l := range logs {
		st := staged{l: l}
		if st.g, _ = l.take(); st.g != nil {
			if st.err = l.put(st.g, true); st.err == nil && st.g.entries > 0 {
				st.journaled = s.journal.add(l, st.g.buf)
			}
		}
		round = append(round, st)
	}
	err := s.journal.sync()
	for i := range round {
		st := &round[i]
		if st.g != nil {
			switch {
			case st.err != nil || st.g.entries == 0:
			case st.journaled && err == nil:
				st.l.durable = st.l.current().end
			default:
				st.err = st.l.syncWritten()
			}
			st.l.finish(st.g, st.err)
		}
		if st.l.goesOn() {
			s.submit(st.l)
		}
	}
	clear(round)
	s.staged = round[:0]
}

func (s *Syncer) work(l *Log) {
	for {
		more := l.step()
		s.mu.Lock()
		if s.head == len(s.line) && more {
			s.mu.Unlock()
			continue
		}
		if more {
			s.line = append(s.line, l)
		}
		if s.head == len(s.line) {
			s.running--
			s.mu.Unlock()
			return
		}
		l = s.line[s.head]
		s.line[s.head] = nil
		s.head++
		if s.head == len(s.line) || s.head > 1024 {
			n := copy(s.line, s.line[s.head:])
			clear(s.line[n:])
			s.line, s.head = s.line[:n], 0
		}
		s.mu.Unlock()
	}
}

// Metrics counts since the start.
type Metrics struct {
	Appends   uint64 // calls of Append
	Entries   uint64
	Bytes     uint64 // written, headers included
	Writes    uint64 // groups
	Syncs     uint64
	Files     uint64 // begun
	Recycled  uint64 // of them, overwritten old ones
	Collected uint64
}

type counters struct {
	appends, entries, bytes, writes, syncs, files, recycled, collected atomic.Uint64
}

func (c *counters) load() Metrics {
	return Metrics{
		Appends: c.appends.Load(), Entries: c.entries.Load(), Bytes: c.bytes.Load(), Writes: c.writes.Load(),
		Syncs: c.syncs.Load(), Files: c.files.Load(), Recycled: c.recycled.Load(), Collected: c.collected.Load(),
	}
}
