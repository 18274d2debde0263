package main

import (
	"log/slog"

	"github.com/pegasus-go/pegasus/conf"
	"github.com/pegasus-go/pegasus/internal/memory"
)

// Blocks of checkpoints in flight at once, when their number is derived.
const (
	copyRequestsMin = 2
	copyRequestsMax = 50
)

// givenParts are the limits that the configuration fixes.
func givenParts(c *conf.Config) memory.Parts {
	return memory.Parts{
		BlockCache:   int64(c.PegasusServer.RocksdbBlockCacheCapacity),
		Memtables:    int64(c.PegasusServer.RocksdbTotalSizeAcrossWriteBuffer),
		InFlight:     int64(c.Network.InFlightBytesTotalMax),
		InBuffers:    int64(c.Network.InBufferBytesTotalMax),
		OutBuffers:   int64(c.Network.OutBufferBytesTotalMax),
		Writes:       int64(c.Replication.WriteBytesWaitingMax),
		PrepareLists: int64(c.Replication.PrepareListBytesTotalMax),
		Peers:        int64(c.Network.PeerBufferBytesTotalMax),
		FileCopies:   int64(c.NFS.MaxConcurrentRemoteCopyRequests) * int64(c.NFS.NfsCopyBlockBytes),
	}
}

// planMemory divides the configured memory of a replica server, or its share of the machine. It says where the total comes from.
func planMemory(c *conf.Config) (memory.Budget, string, error) {
	total, source := int64(c.PegasusServer.MemoryBytesMax), "[pegasus.server] memory_bytes_max"
	given := givenParts(c)
	if total == 0 {
		machine, of, err := memory.Machine()
		if err != nil {
			return memory.Budget{}, "", err
		}
		total, source = memory.DefaultTotal(machine, given), memory.Size(machine)+" "+of
	}
	b, err := memory.Plan(total, given, memory.Outside)
	if n := int64(c.PegasusServer.RocksdbWriteBufferSize); n > 0 {
		b.Memtable = n
	}
	return b, source, err
}

// oneboxMemory is what each of n replica servers on this machine may use, 0 when the machine's memory is not known.
func oneboxMemory(n int) int64 {
	machine, _, err := memory.Machine()
	if err != nil {
		return 0
	}
	return max(machine*memory.OneboxPercent/100/int64(n), memory.TotalBytesMin)
}

// copyRequests is how many blocks of checkpoints may be in flight.
func copyRequests(c *conf.Config, b *memory.Budget) int {
	if n := int(c.NFS.MaxConcurrentRemoteCopyRequests); n > 0 {
		return n
	}
	return min(max(int(b.FileCopies/int64(c.NFS.NfsCopyBlockBytes)), copyRequestsMin), copyRequestsMax)
}

// claimMemory tells the runtime what the server may use, and the log how it is divided.
func claimMemory(c *conf.Config, b *memory.Budget, source string, logger *slog.Logger) (release func()) {
	effect, release := memory.Claim(memory.Runtime{LimitBytes: b.GoLimit, GCPercent: int(c.PegasusServer.GCPercent)})
	args := []any{"total", memory.Size(b.Total), "of", source}
	for _, r := range b.Rows(memory.Parts{}) {
		args = append(args, r.Name, memory.Size(r.Limit))
	}
	from := func(environment bool, variable string) string {
		if environment {
			return variable + " in the environment"
		}
		return "configuration"
	}
	logger.Info("memory", append(args, "memtable of a replica", memory.Size(b.Memtable), "headroom", memory.Size(b.Headroom),
		"soft limit of Go", memory.Size(effect.LimitBytes), "from", from(effect.LimitFromEnv, "GOMEMLIMIT"),
		"gc_percent", effect.GCPercent, "from", from(effect.PercentFromEnv, "GOGC"))...)
	return release
}
