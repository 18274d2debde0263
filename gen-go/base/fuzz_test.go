package base_test

import (
	"bytes"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/fuzz"
)

// FuzzTexts reads addresses and partition names from text: what is read is written the same way again.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"127.0.0.1:34801", "1.2", "0.0.0.0:0", "255.255.255.255:65535", "[::ffff:1.2.3.4]:5", "-1.-1", "2147483647.0", "1.2.3", ":", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fuzz.Bounded(t, len(s), func() {
			if a, err := base.ParseAddress(s); err == nil {
				if again, err := base.ParseAddress(a.String()); err != nil || again != a || !a.IsValid() || base.AddressFromInt64(a.Int64()) != a {
					t.Fatalf("%q: %v became %v (%v)", s, a, again, err)
				}
			}
			if g, err := base.ParseGpid(s); err == nil {
				if again, err := base.ParseGpid(g.String()); err != nil || again != g || base.GpidFromInt64(g.Int64()) != g {
					t.Fatalf("%q: %v became %v (%v)", s, g, again, err)
				}
			}
		})
	})
}

// FuzzKeys takes raw keys apart: what comes apart goes together again, hashes as it should, and lies
// below the end of its hash key's range.
func FuzzKeys(f *testing.F) {
	f.Add([]byte{0, 1, 'h', 's'}, int32(8))
	f.Add([]byte{0, 0}, int32(1))
	f.Add([]byte{0xFF, 0xFF, 1}, int32(4))
	f.Add([]byte{0, 2, 0xFF, 0xFF, 0xFF}, int32(1<<30))
	f.Fuzz(func(t *testing.T, raw []byte, partitions int32) {
		hash, sort, err := base.DecodeKey(raw)
		if err != nil {
			base.KeyHash(raw)
			return
		}
		if got := base.EncodeKey(hash, sort); !bytes.Equal(got, raw) {
			t.Fatalf("%x became %x", raw, got)
		}
		if want := base.CRC64(hash); len(hash) > 0 && base.KeyHash(raw) != want {
			t.Fatalf("%x: hash %d, its hash key's is %d", raw, base.KeyHash(raw), want)
		}
		if len(hash) <= base.HashKeyLenMax {
			end := base.AppendNextKey(nil, hash, nil)
			if bytes.Compare(raw, end) >= 0 {
				t.Fatalf("%x is not below %x", raw, end)
			}
			if end = base.AppendNextKey(nil, hash, sort); len(sort) > 0 && bytes.Compare(raw, end) >= 0 {
				t.Fatalf("%x is not below %x", raw, end)
			}
		}
		if partitions > 0 {
			if p := base.PartitionIndex(base.KeyHash(raw), partitions); p < 0 || p >= partitions {
				t.Fatalf("partition %d of %d", p, partitions)
			}
		}
	})
}
