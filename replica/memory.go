package replica

import (
	"fmt"
	"math/bits"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/pegasus-go/pegasus/internal/memory"
	"github.com/pegasus-go/pegasus/rpc"
)

// prepareListBytesMin is what a partition's prepare list may always hold.
const prepareListBytesMin = 64 << 10

// prepareListShare is what each of n partitions may hold of total bytes: a power of two, so that it rarely changes, and
// no more than most. No total means most.
func prepareListShare(total, most int64, n int) int64 {
	if total <= 0 || n == 0 {
		return most
	}
	share := max(total/int64(n), prepareListBytesMin)
	return min(int64(1)<<(bits.Len64(uint64(share))-1), most)
}

// sharePrepareLists tells every partition what it may hold, when that has changed.
func (s *Server) sharePrepareLists() {
	if s.opts.Memory.PrepareLists <= 0 {
		return
	}
	all := s.partitions()
	share := prepareListShare(s.opts.Memory.PrepareLists, s.opts.Core.PrepareListBytesMax, len(all))
	for _, p := range all {
		if p.prepareListMax.Swap(share) != share {
			p.mail.put(item{run: func() { p.core.SetPrepareListBytesMax(share) }})
		}
	}
}

// memoryUsed is what the parts of the server's memory hold now.
func (s *Server) memoryUsed() memory.Parts {
	st := s.rpc.Stats()
	_, _, rowBytes := s.engine.RowCacheStats()
	used := memory.Parts{
		BlockCache: s.engine.BlockCacheUsedBytes() + s.engine.BlockCacheChargedBytes() + rowBytes, Memtables: s.engine.UnflushedBytes(),
		InFlight: st.InFlightBytes, InBuffers: st.InBufferBytes, OutBuffers: st.OutBufferBytes, Writes: s.writeBytes.Load(),
	}
	for _, p := range s.partitions() {
		used.PrepareLists += p.view.Load().listBytes
	}
	if pool, ok := s.pool.(interface{ Stats() rpc.PoolStats }); ok {
		st := pool.Stats()
		used.Peers = max(st.InBufferBytes, st.OutBufferBytes)
	}
	if s.files != nil {
		used.FileCopies = s.files.InFlightBytes()
	}
	return used
}

// pageMemory is the budget of the server as JSON, with what each part holds.
func (s *Server) pageMemory(url.Values) (int, string) {
	b, now := &s.opts.Memory, memory.Now()
	return http.StatusOK, toJSON(map[string]any{
		"total_bytes": b.Total, "headroom_bytes": b.Headroom, "memtable_bytes_max": b.Memtable, "parts": b.Rows(s.memoryUsed()),
		"process": map[string]int64{
			"resident_bytes": now.Resident, "go_limit_bytes": now.GoLimit, "go_held_bytes": now.GoHeld, "go_heap_bytes": now.GoLive,
			"gc_percent": now.GCPercent, "gc_cycles": now.Collections,
		},
	})
}

// memoryText is the same for people.
func (s *Server) memoryText() string {
	b, now := &s.opts.Memory, memory.Now()
	var out strings.Builder
	if b.Total > 0 {
		fmt.Fprintf(&out, "%s for this server ([pegasus.server] memory_bytes_max), %s of it headroom\n\n", memory.Size(b.Total), memory.Size(b.Headroom))
	} else {
		out.WriteString("no total was set for this server\n\n")
	}
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "part\tused\tlimit\tkey")
	for _, r := range b.Rows(s.memoryUsed()) {
		limit := memory.Size(r.Limit)
		if r.Limit == 0 {
			limit = "-"
		} else if r.Copies > 1 {
			limit += fmt.Sprintf(" x %d", r.Copies)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Name, memory.Size(r.Used), limit, r.Key)
	}
	w.Flush()
	fmt.Fprintf(&out, "\nprocess: %s resident; Go holds %s, heap %s, soft limit %s, gc_percent %d, %d collections\n",
		memory.Size(now.Resident), memory.Size(now.GoHeld), memory.Size(now.GoLive), memory.Size(now.GoLimit), now.GCPercent, now.Collections)
	out.WriteString("block cache counts what memtables hold; connections count what they hold beyond 64 KiB each\n")
	return out.String()
}
