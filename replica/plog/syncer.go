package plog

import (
	"sync"
	"sync/atomic"

	"github.com/pegasus-go/pegasus/internal/host"
)

// DefaultSyncsConcurrent is a good bound for one disk: enough that the file system merges flushes of
// different logs, few enough that a log which waits in line gathers more appends for its turn.
// Measured with 8 logs and 32 callers: 1 costs latency, 8 costs 2.4 times the syncs of 2.
const DefaultSyncsConcurrent = 4

// Syncer runs the writes and syncs of all logs on one disk on at most a fixed number of goroutines.
// A goroutine exists only while there is work: an idle log costs none. Logs wait in line, and a log
// that was served goes to the end, so that a busy one does not starve the others.
type Syncer struct {
	metrics counters
	on      host.Host

	mu      sync.Mutex
	line    []*Log // waiting, from head on
	head    int
	running int
	max     int
}

// NewSyncer bounds writes and syncs in progress; values below 1 mean DefaultSyncsConcurrent.
func NewSyncer(concurrentMax int) *Syncer {
	if concurrentMax < 1 {
		concurrentMax = DefaultSyncsConcurrent
	}
	return &Syncer{max: concurrentMax, on: host.System}
}

// Metrics is the sum over all logs that use the Syncer.
func (s *Syncer) Metrics() Metrics { return s.metrics.load() }

// Syncers keeps one Syncer for each disk of a server, by the disk's name. The zero value is ready.
type Syncers struct {
	// ConcurrentMax is given to NewSyncer.
	ConcurrentMax int
	// On is where their goroutines run; default host.System.
	On host.Host

	mu     sync.Mutex
	byDisk map[string]*Syncer
}

// Of returns the disk's Syncer.
func (s *Syncers) Of(disk string) *Syncer {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.byDisk[disk]
	if one == nil {
		one = NewSyncer(s.ConcurrentMax)
		if s.On != nil {
			one.on = s.On
		}
		if s.byDisk == nil {
			s.byDisk = map[string]*Syncer{}
		}
		s.byDisk[disk] = one
	}
	return one
}

// submit lets l.step run soon. The caller has set l.active, so l is in line at most once.
func (s *Syncer) submit(l *Log) {
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
