package rrdb

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// FuzzValue reads stored values under every schema: what is read is written again byte for byte, where
// the bytes are of a schema that this program writes.
func FuzzValue(f *testing.F) {
	for _, expire := range []uint32{0, 5, 1 << 31, 1<<32 - 1} {
		for _, schema := range []uint8{schemaV0, schemaV1} {
			v := make([]byte, headerLen(schema, expire), 20)
			putHeader(v, schema, expire, 77)
			f.Add(schema, append(v, "user"...))
			f.Add(schema, v[:len(v)-1])
		}
	}
	f.Fuzz(func(t *testing.T, schema uint8, v []byte) {
		schema %= 2
		r, err := decodeValue(schema, v)
		if err != nil {
			if len(v) >= 13 {
				t.Fatalf("%x: %v", v, err)
			}
			return
		}
		again := make([]byte, headerLen(schema, r.expire))
		putHeader(again, schema, r.expire, r.timetag)
		again = append(again, r.user...)
		if own := v[0]&0x80 == 0 || v[0] == 0x80|schemaV2 && r.expire&0x80000000 != 0; own && !bytes.Equal(again, v) {
			t.Fatalf("schema %d: %x became %x", schema, v, again)
		}
		r2, err := decodeValue(schema, again)
		if err != nil || r2.expire != r.expire || !bytes.Equal(r2.user, r.user) {
			t.Fatalf("schema %d: %+v became %+v (%v)", schema, r, r2, err)
		}
	})
}

// FuzzFilter holds the filters of scans to what they are called.
func FuzzFilter(f *testing.F) {
	f.Add(int32(1), []byte("b"), []byte("abc"))
	f.Add(int32(2), []byte("ab"), []byte("abc"))
	f.Add(int32(3), []byte("bc"), []byte("abc"))
	f.Add(int32(-1), []byte(""), []byte(""))
	f.Fuzz(func(t *testing.T, kind int32, pattern, key []byte) {
		flt := keyFilter{kind, pattern}
		if !flt.valid() {
			return
		}
		p, k := string(pattern), string(key)
		want := map[int32]bool{filterNone: true, filterAnywhere: strings.Contains(k, p), filterPrefix: strings.HasPrefix(k, p), filterPostfix: strings.HasSuffix(k, p)}[kind]
		if p == "" {
			want = true
		}
		if got := flt.match(key); got != want || flt.clone().match(key) != want {
			t.Fatalf("filter %d %q on %q: %v", kind, p, k, got)
		}
		if flt.narrowsPrefix() && want && !strings.HasPrefix(k, p) {
			t.Fatal("a filter that narrows lets another prefix through")
		}
	})
}

// FuzzStateRecord reads what a store says about itself.
func FuzzStateRecord(f *testing.F) {
	f.Add(appendState(nil, schemaV1, 7, 8))
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, b []byte) {
		schema, decree, ts, err := parseState(b)
		if err == nil && !bytes.Equal(appendState(nil, schema, decree, ts), b) {
			t.Fatalf("%x: %d, %d, %d", b, schema, decree, ts)
		}
	})
}

// FuzzRawKey: a key that a store accepts comes apart as the routing says, and is never the store's own.
func FuzzRawKey(f *testing.F) {
	f.Add([]byte{0, 1, 'a'}, []byte{0, 1, 'b'})
	f.Add(bytes.Clone(stateKey), []byte{})
	f.Fuzz(func(t *testing.T, key, other []byte) {
		if rawKeyOK(key) {
			hash, _, err := base.DecodeKey(key)
			if err != nil || len(hash) > base.HashKeyLenMax || bytes.Equal(key, stateKey) {
				t.Fatalf("%x accepted: %v", key, err)
			}
			if n := comparer.Split(key); n < 2+len(hash) || n > len(key) {
				t.Fatalf("prefix of %x has %d bytes", key, n)
			}
		}
		n := comparer.Split(key)
		if comparer.Split(key[:n]) != n {
			t.Fatalf("prefix of %x is no prefix", key)
		}
		m := comparer.Split(other)
		c := bytes.Compare(key[:n], other[:m])
		if c == 0 {
			c = bytes.Compare(key[n:], other[m:])
		}
		if c != bytes.Compare(key, other) {
			t.Fatalf("%x and %x: order of prefix and suffix is %d", key, other, c)
		}
	})
}

// FuzzEnvs gives a store any env: it never fails, and durations stay what a timer can take.
func FuzzEnvs(f *testing.F) {
	for _, key := range []string{EnvSlowQueryMs, EnvIterationMs, EnvUsageScenario} {
		f.Add(key, "100")
		f.Add(key, "0x7fffffffffffffff")
	}
	r := newRig(f)
	f.Fuzz(func(t *testing.T, key, value string) {
		r.s.SetEnvs(map[string]string{key: value})
		v := r.s.envs.Load()
		if v.slowQuery < 0 || v.iterationTime < 0 {
			t.Fatalf("%s=%q: %+v", key, value, v)
		}
		switch v.scenario {
		case ScenarioNormal, ScenarioPreferWrite, ScenarioBulkLoad:
		default:
			t.Fatalf("scenario %q", v.scenario)
		}
	})
}
