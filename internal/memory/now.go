package memory

import (
	"bytes"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
)

// InUse is what the process uses now, in bytes unless named otherwise.
type InUse struct {
	Resident    int64 // 0 where the system does not tell
	GoHeld      int64 // what the limit of the runtime counts
	GoLive      int64 // objects on the heap, dead ones that were not collected yet included
	GoLimit     int64
	GCPercent   int64
	Collections int64
}

// Now reads what is in use.
func Now() InUse {
	s := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/gogc:percent"},
	}
	metrics.Read(s)
	v := func(i int) int64 { return int64(s[i].Value.Uint64()) }
	return InUse{Resident: resident(), GoHeld: v(0) - v(1), GoLive: v(2), Collections: v(3), GCPercent: v(4), GoLimit: debug.SetMemoryLimit(-1)}
}

// resident reads /proc/self/statm: pages in all, resident pages, ...
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
