package shell

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/internal/fuzz"
)

// FuzzArgs sorts the words of any line into the options of any command: none is lost, and an option
// without a value takes none.
func FuzzArgs(f *testing.F) {
	for i := range catalogue() {
		f.Add(uint8(i), "a -d --json -n 5 --x=y -- -z")
	}
	f.Add(uint8(3), "-20 -n-5 --max_count -1")
	f.Fuzz(func(t *testing.T, which uint8, line string) {
		c := catalogue()[int(which)%len(catalogue())]
		words, err := splitWords(line)
		if err != nil {
			return
		}
		var p *parsed
		fuzz.Bounded(t, len(line), func() { p, err = parseArgs(c.opts, words) })
		if err != nil {
			return
		}
		if len(p.pos) > len(words) {
			t.Fatalf("%q: %d positions of %d words", line, len(p.pos), len(words))
		}
		for name, v := range p.opts {
			i := 0
			for ; i < len(c.opts) && c.opts[i].long != name; i++ {
			}
			if i == len(c.opts) || !c.opts[i].value && v != "" {
				t.Fatalf("%q: option %s is %q", line, name, v)
			}
		}
		for _, name := range []string{"max_count", "detailed", "hash_key_filter_type"} {
			_, _ = p.number(name, 0)
			_, _ = p.boolean(name, false)
			_, _ = filterOption(p, "hash_key", true)
		}
	})
}

// FuzzTexts reads what people type as bytes, seconds and mutations.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"0x00ff", "0Xab", "xyz", "100", "-1", "set a b 5", "del a", `set "a b" "\x00"`, "2147483648"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if b, err := parseHex(s); err == nil && !strings.HasSuffix(strings.ToLower(s), hex.EncodeToString(b)) {
			t.Fatalf("%q: %x", s, b)
		}
		if n, err := parseTTL(s); err == nil && (n < 0 || n == 0 && s != "") {
			t.Fatalf("%q: %d seconds", s, n)
		}
		if m, ok := parseMutation(s); ok && (m.TTLSeconds < 0 || m.Delete && m.Value != nil) {
			t.Fatalf("%q: %+v", s, m)
		}
		for flt, want := range map[string]bool{"anywhere": true, "prefix": strings.HasPrefix(s, s[:len(s)/2]), "postfix": true, "exact": len(s) < 2} {
			pattern := s[:len(s)/2]
			if flt == "postfix" {
				pattern = s[len(s)-len(s)/2:]
			}
			if got := (textFilter{flt, []byte(pattern)}).passes([]byte(s)); got != want && flt != "exact" {
				t.Fatalf("%s filter %q on %q: %v", flt, pattern, s, got)
			}
		}
		if !bytes.Equal(textBytes(t, s), []byte(s)) {
			t.Fatalf("%q does not read back", s)
		}
	})
}

// textBytes is what a text is after it was shown and typed again.
func textBytes(t *testing.T, s string) []byte {
	words, err := splitWords(`"` + escape([]byte(s), true) + `"`)
	if err != nil || len(words) != 1 {
		t.Fatalf("%q: %q, %v", s, words, err)
	}
	return []byte(words[0])
}
