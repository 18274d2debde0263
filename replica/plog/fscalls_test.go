package plog

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var opNames = map[errorfs.OpKind]string{
	errorfs.OpCreate: "create", errorfs.OpRemove: "remove", errorfs.OpRename: "rename", errorfs.OpMkdirAll: "mkdir",
	errorfs.OpGetDiskUsage: "disk-usage", errorfs.OpFilePreallocate: "preallocate", errorfs.OpFileWrite: "write",
	errorfs.OpFileSync: "sync", errorfs.OpFileSyncData: "sync-data", errorfs.OpFileClose: "close",
	errorfs.OpOpenDir: "open-dir", errorfs.OpOpen: "open",
}

// callLog writes down every call that matters for what is on disk.
type callLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (c *callLog) MaybeError(op errorfs.Op) error {
	name, ok := opNames[op.Kind]
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	path := strings.TrimPrefix(strings.TrimPrefix(op.Path, testDir), "/")
	if path == "" {
		path = "."
	}
	fmt.Fprintf(&c.b, "%s %s\n", name, path)
	return nil
}

func (c *callLog) String() string { return "calls" }

func (c *callLog) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.b.String()
	c.b.Reset()
	return s
}

// TestFileSystemCalls keeps the calls of each operation in testdata: a sync that goes missing shows as
// a difference.
func TestFileSystemCalls(t *testing.T) {
	var mem *vfs.MemFS
	var l *Log
	calls := &callLog{}
	next := int64(1)
	now := time.Unix(1_700_000_000, 0)
	datadriven.RunTest(t, "testdata/fscalls", func(t *testing.T, d *datadriven.TestData) string {
		err := error(nil)
		switch d.Cmd {
		case "open":
			if mem == nil {
				mem = newMem(t)
			}
			o := Options{FS: watch(mem, calls), FileBytesMax: 200, ReserveBytesMax: -1, Now: func() time.Time { return now }}
			if d.HasArg("none") {
				o.Sync = SyncNone
			}
			l, err = Open(testDir, o)
		case "crash":
			mem = mem.CrashClone(vfs.CrashCloneCfg{})
			calls.take()
		case "append":
			n := int64(1)
			d.MaybeScanArgs(t, "n", &n)
			err = appendWait(l, entries(1, next, next+n-1)...)
			next += n
		case "gc":
			var durable int64
			d.ScanArgs(t, "durable", &durable)
			err = l.GC(durable)
		case "reset":
			d.ScanArgs(t, "decree", &next)
			err = l.Reset(next)
			next++
		case "close":
			err = l.Close()
		default:
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		if err != nil {
			fmt.Fprintf(&calls.b, "error: %v\n", err)
		}
		return calls.take()
	})
}
