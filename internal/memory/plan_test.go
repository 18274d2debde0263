package memory

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const gib = 1 << 30

func TestPlan(t *testing.T) {
	const caps = (3072 + 1024 + 1024 + 1024 + 1024 + 1024 + 200) * mib // of all parts but the block cache
	for _, c := range []struct {
		name  string
		total int64
		given Parts
		want  Parts // zero fields are not looked at
		limit int64 // of the Go heap; 0: not looked at
	}{
		{
			name: "the least", total: 256 * mib,
			want: Parts{BlockCache: 81 * mib, Memtables: 256 * mib * 15 / 100, InFlight: 20 * mib, InBuffers: 16 * mib,
				OutBuffers: 16 * mib, Writes: 7 * mib, Peers: 16 * mib},
		},
		{
			name: "a small machine", total: 4 * gib,
			want: Parts{Memtables: 256 * mib, InFlight: 4 * gib * 9 / 100, InBuffers: 4 * gib * 5 / 100, OutBuffers: 4 * gib * 7 / 100,
				Writes: 4 * gib * 3 / 100, PrepareLists: 4 * gib * 3 / 100 / 2, FileCopies: 4 * gib * 2 / 100, Peers: 4 * gib * 7 / 100 / 2},
		},
		{
			name: "all parts but the block cache have caps", total: 100 * gib,
			want: Parts{BlockCache: 84*gib - caps, Memtables: 256 * mib, InFlight: 1536 * mib, InBuffers: 1 * gib,
				OutBuffers: 1 * gib, Writes: 512 * mib, PrepareLists: 512 * mib, FileCopies: 200 * mib, Peers: 512 * mib},
			limit: 100*gib - programBytes - (84*gib-caps)*110/100,
		},
		{
			name: "given parts stay, the others keep their shares where there is room", total: 8 * gib,
			given: Parts{BlockCache: 1 * gib, Writes: 100 * mib},
			want:  Parts{BlockCache: 1 * gib, Writes: 100 * mib, Memtables: 256 * mib, InBuffers: 8 * gib * 5 / 100},
			limit: 8*gib - programBytes - 1*gib*110/100,
		},
		{
			name: "a large part leaves less to the others", total: 8 * gib,
			given: Parts{BlockCache: 6 * gib},
			want:  Parts{BlockCache: 6 * gib, InBuffers: (8*gib - 8*gib*16/100 - 6*gib) * 5 / 48},
		},
		{
			name: "memtables larger than a small block cache count twice", total: 8 * gib,
			given: Parts{BlockCache: 16 * mib, Memtables: 1 * gib},
			limit: 8*gib - programBytes - 2*gib*110/100,
		},
		{
			name: "memtables follow a block cache that is given", total: 8 * gib,
			given: Parts{BlockCache: 16 * mib},
			want:  Parts{Memtables: 8 * mib},
		},
	} {
		b, err := Plan(c.total, c.given, true)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for i := range parts {
			d := &parts[i]
			got, want := *d.of(&b.Parts), *d.of(&c.want)
			if want != 0 && (got < want-mib/2 || got > want+mib/2) {
				t.Errorf("%s: %s has %s, want %s", c.name, d.Name, Size(got), Size(want))
			}
		}
		if w := c.want.Memtables; w != 0 && b.Memtables != w {
			t.Errorf("%s: memtables have %s, want %s", c.name, Size(b.Memtables), Size(w))
		}
		if d := b.GoLimit - c.limit; c.limit != 0 && (d > mib || d < -mib) {
			t.Errorf("%s: the Go heap may have %s, want %s", c.name, Size(b.GoLimit), Size(c.limit))
		}
		if b.Headroom+cost(&b.Parts) != c.total {
			t.Errorf("%s: parts and headroom add up to %s, not %s", c.name, Size(b.Headroom+cost(&b.Parts)), Size(c.total))
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, c := range []struct {
		total int64
		given Parts
		says  []string
	}{
		{255 * mib, Parts{}, []string{"255 MiB", "needs 256 MiB or more", "memory_bytes_max"}},
		{1 * gib, Parts{BlockCache: 1 * gib}, []string{"memory of 1024 MiB", "rocksdb_block_cache_capacity", "1024 MiB", "raise [pegasus.server] memory_bytes_max"}},
		{1 * gib, Parts{Writes: 450 * mib}, []string{"write_bytes_waiting_max = 450 MiB, each byte 2 times", "900 MiB"}},
		{1 * gib, Parts{BlockCache: 300 * mib, InBuffers: 300 * mib, OutBuffers: 300 * mib}, []string{"in_buffer_bytes_total_max", "as small as they can be"}},
		{1 * gib, Parts{Memtables: 600 * mib}, []string{"block cache"}},
	} {
		_, err := Plan(c.total, c.given, true)
		if err == nil {
			t.Errorf("%s with %+v was accepted", Size(c.total), c.given)
			continue
		}
		for _, text := range c.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q does not say %q", err, text)
			}
		}
	}
}

// Whatever is asked for: a plan keeps what was given, keeps the headroom, and gives every part something.
func TestPlansKeepTheirPromises(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	made := 0
	for range 20_000 {
		total := int64(TotalBytesMin) << rng.IntN(12)
		total += rng.Int64N(total)
		var given Parts
		for i := range parts {
			if rng.IntN(3) == 0 {
				*parts[i].of(&given) = 1 + rng.Int64N(total/4)
			}
		}
		b, err := Plan(total, given, rng.IntN(2) == 0)
		if err != nil {
			continue
		}
		made++
		if b.Headroom < total*HeadroomPercentMin/100-8 || b.Headroom+cost(&b.Parts) != total || b.GoLimit < total*HeadroomPercentMin/100 || b.GoLimit > total {
			t.Fatalf("%d, %+v: %+v", total, given, b)
		}
		for i := range parts {
			was, is := *parts[i].of(&given), *parts[i].of(&b.Parts)
			if is <= 0 || was != 0 && is != was {
				t.Fatalf("%d, %+v: %s is %d", total, given, parts[i].Name, is)
			}
		}
		if b.Memtable < memtableMin || b.Memtable > memtableMax {
			t.Fatalf("memtable of %d", b.Memtable)
		}
	}
	if made < 5000 {
		t.Errorf("only %d plans were possible: the test tests little", made)
	}
}

func TestDefaultTotal(t *testing.T) {
	for _, c := range []struct {
		machine int64
		given   Parts
		want    int64
	}{
		{16 * gib, Parts{}, 8 * gib},
		{256 * mib, Parts{}, TotalBytesMin},
		{16 * gib, Parts{BlockCache: 2 * gib}, 8 * gib},
		{20 * gib, Parts{BlockCache: 10 * gib}, 12 * gib}, // and headroom and the floors of the others
		{20 * gib, Parts{BlockCache: 100 * gib}, 18 * gib},
	} {
		if got := DefaultTotal(c.machine, c.given); got != c.want {
			t.Errorf("%s with %+v: %s, want %s", Size(c.machine), c.given, Size(got), Size(c.want))
		}
	}
}

func TestMachineTakesTheLowerLimit(t *testing.T) {
	is := func(n uint64) func() (uint64, error) { return func() (uint64, error) { return n, nil } }
	fails := func(err error) func() (uint64, error) { return func() (uint64, error) { return 0, err } }
	broken := errors.New("broken")
	for _, c := range []struct {
		system, group func() (uint64, error)
		bytes         int64
		source        string
	}{
		{is(10), is(5), 5, "control group"},
		{is(10), is(20), 10, "machine"},
		{is(10), fails(memlimit.ErrNoLimit), 10, "machine"},
		{is(10), fails(memlimit.ErrCgroupsNotSupported), 10, "machine"},
		{is(10), fails(broken), 10, "could not be read: broken"},
	} {
		bytes, source, err := leastOf(c.system, c.group)
		if err != nil || bytes != c.bytes || !strings.Contains(source, c.source) {
			t.Errorf("%d, %q, %v; want %d, %q", bytes, source, err, c.bytes, c.source)
		}
	}
	if _, _, err := leastOf(fails(broken), is(1)); !errors.Is(err, broken) || !strings.Contains(err.Error(), "memory_bytes_max") {
		t.Errorf("%v", err)
	}
	if bytes, source, err := Machine(); err != nil || bytes < 64*mib {
		t.Errorf("this machine: %d, %q, %v", bytes, source, err)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 10_239: "10239 B", 20 << 10: "20 KiB", 1 << 20: "1 MiB", 1<<20 + 1: "1024 KiB", 300 << 20: "300 MiB", 12 << 30: "12.0 GiB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
