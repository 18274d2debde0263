package memory

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Parts are the limits of what takes memory, in bytes. For Plan, zero asks for a derived one.
type Parts struct {
	BlockCache   int64 // blocks of table files, and what is in memtables, of all replicas
	Memtables    int64 // writes of all replicas that are not flushed yet; they are taken off BlockCache
	InFlight     int64 // requests of all connections that are not answered yet
	InBuffers    int64 // read buffers of all connections
	OutBuffers   int64 // answers that peers have not taken
	Writes       int64 // writes that wait to be committed: in queues, in logs that wait for the disk, on the way to members
	PrepareLists int64 // committed mutations that all partitions keep for members that lag
	FileCopies   int64 // blocks of checkpoints on their way to learners
	Peers        int64 // messages that other servers have not taken; as much again for the reading of their answers
}

// part says how a limit is derived.
type part struct {
	Name string
	Key  string // of the configuration, for messages
	of   func(*Parts) *int64
	// percent of the total is what the part may take; least and most bound that, most 0 not at all.
	percent, least, most int64
	// copies is how often a byte under the limit is in memory.
	copies int64
}

const mib = 1 << 20

// parts in the order in which they are shown. BlockCache takes what the caps of the others leave.
//
// A write that waits is there as the request and in the log's buffer (counted in flight), as the mutation and in the batch for the store. There
// may be three times as many bytes in flight: a server takes writes of its own clients and prepares of two other servers, which must find room
// when each of the three has as many writes waiting as it may. Were there room for more, they would wait for longer than their senders do.
var parts = []part{
	{"block cache", "[pegasus.server] rocksdb_block_cache_capacity", func(p *Parts) *int64 { return &p.BlockCache }, 36, 16 * mib, 0, 1},
	{"requests in flight", "[network] in_flight_bytes_total_max", func(p *Parts) *int64 { return &p.InFlight }, 18, 24 * mib, 3072 * mib, 2},
	{"writes waiting", "[replication] write_bytes_waiting_max", func(p *Parts) *int64 { return &p.Writes }, 6, 8 * mib, 1024 * mib, 2},
	{"read buffers", "[network] in_buffer_bytes_total_max", func(p *Parts) *int64 { return &p.InBuffers }, 5, 16 * mib, 1024 * mib, 1},
	{"answers not taken", "[network] out_buffer_bytes_total_max", func(p *Parts) *int64 { return &p.OutBuffers }, 7, 16 * mib, 1024 * mib, 1},
	{"messages to servers", "[network] peer_buffer_bytes_total_max", func(p *Parts) *int64 { return &p.Peers }, 7, 32 * mib, 1024 * mib, 2},
	{"prepare lists", "[replication] prepare_list_bytes_total_max", func(p *Parts) *int64 { return &p.PrepareLists }, 3, 4 * mib, 1024 * mib, 2},
	{"checkpoint copies", "[nfs] max_concurrent_remote_copy_requests x nfs_copy_block_bytes", func(p *Parts) *int64 { return &p.FileCopies }, 2, 8 * mib, 200 * mib, 1},
}

const (
	// TotalBytesMin is the least total that a server works with.
	TotalBytesMin = 256 * mib
	// HeadroomPercent of the total are left to the program itself, to the garbage collector, to what every partition takes, and to
	// what the allocator of C loses, as long as the given parts allow; never less than HeadroomPercentMin.
	HeadroomPercent    = 16
	HeadroomPercentMin = 10
	// offHeapLossPercent is what fragments of the allocator of C add to block cache and memtables.
	offHeapLossPercent = 10
	// programBytes is what the process takes of files: code, libraries. No limit of the Go runtime counts it.
	programBytes = 24 * mib

	memtablesPercent  = 15 // of the total
	memtablesMin      = 4 * mib
	memtablesMax      = 256 * mib
	memtableMax       = 64 * mib
	memtableMin       = 1 * mib
	memtablesPerStore = 4 // a replica's memtable is at most this part of all
	// memtableRoom: for so many times the memtables there is room in the block cache, or beside it when it is smaller. Flushed ones take
	// memory as long as scans read them.
	memtableRoom = 2
)

// Budget is a total and all that follows from it, in bytes.
type Budget struct {
	Total int64
	Parts
	Memtable int64 // the largest memtable of one replica
	Headroom int64 // what no part may take
	GoLimit  int64 // soft limit of the Go runtime: the total less what is allocated outside of its heap
}

// RowCache is percent of the block cache, as far as that has room for it beside the memtables.
func (b *Budget) RowCache(percent int64) int64 {
	return max(0, min(b.BlockCache/100*percent, b.BlockCache-b.Memtables*memtableRoom))
}

// cost is what all parts may take together.
func cost(p *Parts) int64 {
	var sum int64
	for i := range parts {
		sum += parts[i].cost(p)
	}
	return sum
}

func (d *part) cost(p *Parts) int64 {
	n := *d.of(p) * d.copies
	if d.of(p) == &p.BlockCache {
		n = max(n, p.Memtables*memtableRoom)
	}
	return n
}

// Plan divides total. Parts that are given stay as they are; the others get their share of the total, or
// less of it when the given ones are large. outside is whether block cache and memtables lie outside of the
// Go heap.
func Plan(total int64, given Parts, outside bool) (Budget, error) {
	if total < TotalBytesMin {
		return Budget{}, fmt.Errorf("memory of %s: a replica server needs %s or more; raise [pegasus.server] memory_bytes_max", Size(total), Size(TotalBytesMin))
	}
	b := Budget{Total: total, Parts: given}
	if b.Memtables == 0 {
		b.Memtables = min(max(total*memtablesPercent/100, memtablesMin), memtablesMax)
		if given.BlockCache > 0 { // the operator knows how large the stores are to be
			b.Memtables = min(b.Memtables, max(given.BlockCache/memtableRoom, memtablesMin))
		}
	}
	derived := b.divide(total - total*HeadroomPercent/100)
	if cost(&b.Parts) > total-total*HeadroomPercentMin/100 {
		return Budget{}, b.tooMuch(derived)
	}
	b.Memtable = min(max(b.Memtables/memtablesPerStore, memtableMin), memtableMax)
	b.Headroom = total - cost(&b.Parts)
	b.GoLimit = total - programBytes
	if outside {
		b.GoLimit -= parts[0].cost(&b.Parts) * (100 + offHeapLossPercent) / 100
	}
	// Given parts may leave less than the Go heap holds when nothing happens.
	b.GoLimit = max(b.GoLimit, total*HeadroomPercentMin/100)
	return b, nil
}

// divide sets the parts that are zero so that all together take no more than room, if that is possible, and
// returns how many there were.
func (b *Budget) divide(room int64) (derived int) {
	left := room
	var open []*part
	var percents int64
	for i := range parts {
		if d := &parts[i]; *d.of(&b.Parts) != 0 {
			left -= d.cost(&b.Parts)
		} else {
			open = append(open, d)
			percents += d.percent
		}
	}
	derived = len(open)
	// The share of each is that of the total, or of what is left when that is less. The first, when it is the
	// block cache, waits for what the others do not need.
	for i := len(open) - 1; i >= 0; i-- {
		d := open[i]
		share := b.Total * d.percent / 100
		if room := left * d.percent / percents; i == 0 && d == &parts[0] {
			share = left
		} else if room < share {
			share = room
		}
		if d.most > 0 {
			share = min(share, d.most)
		}
		share = max(share, d.least)
		left -= share
		percents -= d.percent
		*d.of(&b.Parts) = share / d.copies
	}
	return derived
}

// tooMuch says what takes how much.
func (b *Budget) tooMuch(derived int) error {
	var text strings.Builder
	fmt.Fprintf(&text, "memory of %s is less than the parts need, %s and %d %% on top:", Size(b.Total), Size(cost(&b.Parts)), HeadroomPercentMin)
	for i := range parts {
		d := &parts[i]
		fmt.Fprintf(&text, "\n  %-10s %s, %s", Size(d.cost(&b.Parts)), d.Name, d.Key)
		if d.copies > 1 {
			fmt.Fprintf(&text, " = %s, each byte %d times", Size(*d.of(&b.Parts)), d.copies)
		}
	}
	text.WriteString("\nraise [pegasus.server] memory_bytes_max, or lower a part")
	if derived > 0 {
		text.WriteString("; those that are not configured are as small as they can be")
	}
	return errors.New(text.String())
}

// DefaultTotal is the total when none is configured: MachinePercent of what the machine has, more when the
// given parts need it, up to MachinePercentMax.
func DefaultTotal(machine int64, given Parts) int64 {
	total := max(machine*MachinePercent/100, TotalBytesMin)
	for step := machine / 20; step > 0 && total+step <= machine*MachinePercentMax/100; total += step {
		if _, err := Plan(total, given, false); err == nil {
			break
		}
	}
	return total
}

// Shares of a machine's memory.
const (
	MachinePercent    = 50
	MachinePercentMax = 90
	// OneboxPercent is what all servers of a onebox share: others use the machine, too.
	OneboxPercent = 25
)

// Size renders bytes with a binary unit.
func Size(n int64) string {
	switch {
	case n == math.MaxInt64:
		return "unlimited"
	case n >= 10<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 10<<20 || n >= mib && n%mib == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// Row is a part in a table for people: what it may take, and what is taken.
type Row struct {
	Name  string `json:"name"`
	Key   string `json:"key"`
	Limit int64  `json:"limit_bytes"`
	Used  int64  `json:"used_bytes"`
	// Copies is how often a byte under the limit is in memory.
	Copies int64 `json:"copies"`
}

// Rows puts limits and what is used beside each other.
func (b *Budget) Rows(used Parts) []Row {
	var rows []Row
	for i := range parts {
		d := &parts[i]
		rows = append(rows, Row{d.Name, d.Key, *d.of(&b.Parts), *d.of(&used), d.copies})
		if i == 0 {
			rows = append(rows, Row{"memtables", "[pegasus.server] rocksdb_total_size_across_write_buffer", b.Memtables, used.Memtables, 1})
		}
	}
	return rows
}
