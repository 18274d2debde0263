package thft

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// The bytes that a Go client sends first: query_cfg of the table temp, as its own tests have them.
func TestFrameOfAKnownRequest(t *testing.T) {
	want := strings.ReplaceAll("54484654 00000000 00000030 00000000 0000004a 00000000 00000000 00000000 00000000 00000000 0000000000000000"+
		"80010001 00000026", " ", "") + hex.EncodeToString([]byte("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX")) +
		strings.ReplaceAll("00000001 0c0001 0b0001 00000004 74656d70 0f0002 08 00000000 00 00", " ", "")
	args := Wrap(func(a *Args) { a.Str(1, "temp").I32s(2) })
	got := hex.EncodeToString(Header{}.Frame(Body("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", 1, args)))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestHashOfKnownKeys(t *testing.T) {
	for key, want := range map[string]uint64{"": 0, "a": 0x8c2f8445b4cbfc3c, "hello world": 0x8d29d5c3f6ea8ebe, "\xff\xff": 0xffff000000000000} {
		if got := Hash(key); got != want {
			t.Errorf("hash of %q: %x, want %x", key, got, want)
		}
	}
}

func TestDecoderIsAsNarrowAsReleasedClients(t *testing.T) {
	known := Fields{1: I32, 2: Blob}
	for _, c := range []struct {
		name, body, err string
	}{
		{"a result", "0c0000 0800010000000b 0c000200000001 61 00 00", ""},
		{"an unknown number is skipped", "0c0000 080001 00000005 080009 00000001 00 00", ""},
		{"an unknown special type is not", "0c0000 080001 00000005 0c0009 00000001 61 00 00", "in no released version"},
		{"another type", "0c0000 0a0001 0000000000000005 00 00", "has type 10"},
		{"cut", "0c0000 080001 0000", "too early"},
		{"more than a result", "0c0000 00 00 00", "1 bytes after"},
		{"another field", "0c0001 00 00", "field 1"},
		{"a huge blob", "0c0000 0c0002 7fffffff 61 00 00", "too early"},
	} {
		body, err := hex.DecodeString(strings.ReplaceAll(c.body, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Result(body, known); c.err == "" != (err == nil) || err != nil && !strings.Contains(fmt.Sprint(err), c.err) {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
	}
}

func TestReplyMustBeWhole(t *testing.T) {
	frame, _ := hex.DecodeString("0000002100000006" + hex.EncodeToString([]byte("ERR_OK")) + "8001000200000003" + hex.EncodeToString([]byte("ACK")) + "0000000700")
	frame[3] = byte(len(frame))
	r, err := ParseReply(frame)
	if err != nil || r.Err != "ERR_OK" || r.Name != "ACK" || r.Seq != 7 || len(r.Body) != 1 {
		t.Errorf("%+v %v", r, err)
	}
	for cut := range frame {
		if _, err := ParseReply(frame[:cut]); err == nil {
			t.Errorf("a reply cut to %d bytes was taken", cut)
		}
	}
}
