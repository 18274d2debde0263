package plog

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/internal/host"
)

// BenchmarkAppend measures durable appends: each caller waits for its own before the next, callers
// are spread over logs that share a disk.
func BenchmarkAppend(b *testing.B) {
	for _, mode := range []SyncMode{SyncAlways, SyncNone} {
		for _, logs := range []int{1, 8} {
			for _, callers := range []int{1, 32, 512} {
				for _, syncs := range []int{1, 2, 4} {
					b.Run(fmt.Sprintf("mode=%d/logs=%d/callers=%d/syncs=%d", mode, logs, callers, syncs), func(b *testing.B) {
						benchAppend(b, mode, logs, callers, syncs)
					})
				}
			}
		}
	}
}

func benchAppend(b *testing.B, mode SyncMode, logs, callers, syncs int) {
	s := NewSyncer(syncs, host.System)
	var ls []*Log
	for i := range logs {
		l, err := Open(fmt.Sprintf("%s/plog%d", b.TempDir(), i), Options{FS: vfs.Default, Sync: mode, Syncer: s})
		mustDo(b, err)
		mustDo(b, appendWait(l, entry(1, 1)))
		ls = append(ls, l)
	}
	data := make([]byte, 250)
	var n atomic.Int64
	var wg sync.WaitGroup
	before := s.Metrics()
	b.ReportAllocs()
	b.ResetTimer()
	for c := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			es := []Entry{{Ballot: 1, Data: data}}
			done := make(chan error, 1)
			fn := func(err error) { done <- err }
			for {
				d := n.Add(1)
				if d > int64(b.N) {
					return
				}
				es[0].Decree = d + 1
				ls[c%logs].Append(es, fn)
				if err := <-done; err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	b.StopTimer()
	m := s.Metrics()
	b.ReportMetric(float64(m.Syncs-before.Syncs)/float64(b.N), "syncs/op")
	b.ReportMetric(float64(m.Writes-before.Writes)/float64(b.N), "writes/op")
	for _, l := range ls {
		mustDo(b, l.Close())
	}
}

func BenchmarkReplay(b *testing.B) {
	dir := b.TempDir()
	l, err := Open(dir, Options{Sync: SyncNone, FileBytesMax: 64 << 20})
	mustDo(b, err)
	data := make([]byte, 250)
	for d := int64(1); d <= 100000; d++ {
		l.Append([]Entry{{Ballot: 1, Decree: d, Data: data}}, nil)
	}
	mustDo(b, l.Close())
	b.SetBytes(l.Bytes())
	for b.Loop() {
		l, err := Open(dir, Options{})
		mustDo(b, err)
		mustDo(b, l.Replay(0, func(Entry) error { return nil }))
	}
}
