package rrdb

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// The worked bytes of the specification: cluster id 1, timestamp 1700000000000000.
func TestWorkedValueBytes(t *testing.T) {
	r := newRig(t, func(o *EngineOptions) { o.ClusterID = 1 })
	r.put("h", "s", "v")
	v, c, err := r.s.db.Get(rawKey("h", "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eq(t, "value", hex.EncodeToString(v), "00000000060a24181e40000276")
	eq(t, "key", hex.EncodeToString(rawKey("h", "s")), "00016873")
}

func TestValueSchemasRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, schema := range []uint8{schemaV0, schemaV1} {
		for range 2000 {
			user := make([]byte, rnd.Intn(10))
			rnd.Read(user)
			expire, tag := rnd.Uint32()>>rnd.Intn(33), rnd.Uint64()
			h := headerLen(schema, expire)
			v := make([]byte, h, h+len(user))
			putHeader(v, schema, expire, tag)
			got, err := decodeValue(schema, append(v, user...))
			if err != nil || got.expire != expire || !bytes.Equal(got.user, user) {
				t.Fatalf("schema %d, expire %x: %+v, %v", schema, expire, got, err)
			}
			if schema == schemaV1 && got.timetag != tag {
				t.Fatalf("timetag %x, want %x", got.timetag, tag)
			}
			for n := range h {
				if _, err := decodeValue(schema, v[:n]); err == nil && !(schema == schemaV1 && n >= 12) {
					t.Fatalf("schema %d: %d bytes of %x decoded", schema, n, v)
				}
			}
		}
	}
}

// A record of schema 2 among others is read by its own mark.
func TestValueSchema2(t *testing.T) {
	v := append([]byte{0x82, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1, 2}, "user"...)
	for _, schema := range []uint8{schemaV0, schemaV1} {
		r, err := decodeValue(schema, v)
		if err != nil || r.expire != 9 || r.timetag != 0x102 || string(r.user) != "user" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
}

// A store whose data are of schema 0 is read and written in it.
func TestStoreOfSchema0(t *testing.T) {
	r := newRig(t)
	b := r.s.db.NewBatch()
	b.Set(rawKey("h", "old"), append([]byte{0, 0, 0, 0}, "old value"...), nil)
	b.Set(rawKey("h", "gone"), append(binary.BigEndian.AppendUint32(nil, now0), "expired"...), nil)
	b.Set(stateKey, appendState(nil, schemaV0, 41, t0-1), nil)
	if err := b.Commit(pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	eq(t, "decree", r.s.LastApplied(), 41)
	eq(t, "old", r.get("h", "old"), "old value")
	eq(t, "gone", r.get("h", "gone"), "!1")
	r.put("h", "new", "new value", 50)
	eq(t, "new", r.get("h", "new"), "new value")
	v, c, err := r.s.db.Get(rawKey("h", "new"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eq(t, "header", len(v)-len("new value"), 4)
}

func TestParseIntAsStrtoll(t *testing.T) {
	good := map[string]int64{
		"0": 0, "1": 1, "-1": -1, "+7": 7, "010": 8, "-010": -8, "0x10": 16, "0X1f": 31, "-0x10": -16, " 5": 5, "\t\n\v\f\r 5": 5,
		"00": 0, "-0": 0, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64, "0x7fffffffffffffff": math.MaxInt64,
		"-0x8000000000000000": math.MinInt64, "0777": 511, "000000000000000000000000000000000000001": 1,
	}
	for s, want := range good {
		if got, ok := parseInt64([]byte(s)); !ok || got != want {
			t.Errorf("%q: %d, %v; want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{"", " ", "-", "+", "abc", "5 ", "5\x00", "0x", "08", "09", "1a", "0xg", "--1", "+-1", "- 1", "1.0", "1e3", "0b1",
		"9223372036854775808", "-9223372036854775809", "0x8000000000000000", "18446744073709551616", "99999999999999999999999999", "\x00", "\xa05", "1_000"} {
		if got, ok := parseInt64([]byte(s)); ok {
			t.Errorf("%q read as %d", s, got)
		}
	}
}

func FuzzParseInt(f *testing.F) {
	f.Add("0x7f")
	f.Add(" -012")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseInt64([]byte(s))
		if !ok {
			return
		}
		if again, ok := parseInt64(appendInt64(nil, got)); !ok || again != got {
			t.Fatalf("%q: %d does not read back", s, got)
		}
		// Go's base 0 agrees wherever it accepts the same text.
		if want, err := strconv.ParseInt(s, 0, 64); err == nil && !bytes.ContainsAny([]byte(s), "_oObB") && want != got {
			t.Fatalf("%q: %d, Go says %d", s, got, want)
		}
	})
}

func TestAddInt64(t *testing.T) {
	for _, c := range []struct {
		a, b int64
		ok   bool
	}{{math.MaxInt64, 1, false}, {math.MaxInt64, 0, true}, {math.MinInt64, -1, false}, {math.MinInt64, math.MaxInt64, true}, {-1, math.MinInt64, false}, {1, math.MinInt64, true}} {
		if _, ok := addInt64(c.a, c.b); ok != c.ok {
			t.Errorf("%d + %d fits: %v", c.a, c.b, ok)
		}
	}
}

func TestComparer(t *testing.T) {
	if hashPrefixLen(stateKey) != len(stateKey) {
		t.Error("the reserved key has a suffix")
	}
	keys := [][]byte{nil, {0}, {0, 0}, {0, 1}, {0, 1, 'a'}, {0, 1, 'a', 'b'}, {0, 1, 0xFF}, {0, 1, 0xFF, 0xFF}, {0, 2, 'a'}, {0, 2, 'a', 'a'},
		{0, 2, 0xFF, 0xFF}, {0, 3, 0, 0, 0}, {0xFE, 0xFF}, {0xFF, 0xFF}, stateKey}
	for _, a := range keys {
		n := comparer.Split(a)
		if comparer.Split(a[:n]) != n {
			t.Errorf("prefix of %x is no prefix", a)
		}
		for _, b := range keys {
			m := comparer.Split(b)
			// Bytewise order is prefix order first, suffix order second.
			c := bytes.Compare(a[:n], b[:m])
			if c == 0 {
				c = bytes.Compare(a[n:], b[m:])
			}
			if c != bytes.Compare(a, b) {
				t.Errorf("%x and %x: split order %d", a, b, c)
			}
		}
	}
	for _, p := range [][]byte{{0, 1, 'a'}, {0, 1, 0xFF}, {0, 0}, {0, 2, 'a', 0xFF}} {
		next := comparer.ImmediateSuccessor(nil, p)
		if bytes.Compare(next, p) <= 0 || comparer.Split(next) != len(next) {
			t.Errorf("successor of %x: %x", p, next)
		}
	}
}

func TestRawKeyOK(t *testing.T) {
	for _, k := range [][]byte{{0, 0}, {0, 0, 1}, {0, 1, 'a'}, append([]byte{0xFF, 0xFE}, make([]byte, base.HashKeyLenMax)...)} {
		if !rawKeyOK(k) {
			t.Errorf("%x... refused", k[:2])
		}
	}
	for _, k := range [][]byte{nil, {0}, {0, 1}, {0, 5, 'a'}, {0xFF, 0xFF}, append([]byte{0xFF, 0xFF}, make([]byte, 1<<16)...), stateKey} {
		if rawKeyOK(k) {
			t.Errorf("%x accepted", k[:min(len(k), 4)])
		}
	}
}
