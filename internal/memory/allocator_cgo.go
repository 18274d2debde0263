//go:build cgo && linux

package memory

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static void set_arenas(int n) { mallopt(M_ARENA_MAX, n); }
static void set_mapped(int bytes, int count) { mallopt(M_MMAP_THRESHOLD, bytes); mallopt(M_MMAP_MAX, count); }
#else
static void set_arenas(int n) {}
static void set_mapped(int bytes, int count) {}
#endif
*/
import "C"

import (
	"os"
	"runtime"
)

const (
	// mappedBytesMin is from where on the allocator of C maps memory piece by piece, and unmaps what is freed: memtables begin with this
	// size. Left alone, it would raise the limit to 32 MiB at the first that is freed, and then keep and clear what was freed.
	mappedBytesMin = 256 << 10
	// mappedMax is how many pieces may be mapped so, an eighth of what Linux allows a process by default.
	mappedMax = 8192
)

// boundAllocator makes the allocator of C give back what the store frees. Variables of the environment that say otherwise come first.
func boundAllocator() {
	if os.Getenv("MALLOC_ARENA_MAX") == "" { // each keeps fragments of its own; the default is 8 per processor
		C.set_arenas(C.int(max(2, runtime.GOMAXPROCS(0))))
	}
	if os.Getenv("MALLOC_MMAP_THRESHOLD_") == "" && os.Getenv("MALLOC_MMAP_MAX_") == "" {
		C.set_mapped(mappedBytesMin, mappedMax)
	}
}
