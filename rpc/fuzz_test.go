package rpc

import (
	"bytes"
	"math"
	"os"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/replicaadmin"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

const fuzzFrameMax = 1 << 16

// seedFrames are frames of every dialect, whole, cut and damaged; with the recorded ones if there are any.
func seedFrames(f *testing.F) {
	c := &Call{Name: getCode, Gpid: base.Gpid{AppID: 1, PartitionIndex: 2}, Backup: true, TimeoutMs: 5,
		Body: AppendValue(nil, 1, base.BlobOf([]byte("key")))}
	frames := [][]byte{
		appendTHFTRequest(nil, THFTv0, c, 7),
		appendTHFTRequest(nil, THFTv1, c, 7),
		appendNativeRequest(nil, c, 7, base.AddressOf(1, 2), false),
		appendNativeRequest(nil, c, 7, base.AddressOf(1, 2), true),
		oldMessage(c.Name, byte(thrift.CALL), 9, c.Body),
		patched(appendTHFTReplyHead(nil, newMethod(getCode), 3, base.ErrBusy)),
		hundred,
	}
	for _, b := range frames {
		f.Add(b)
		f.Add(b[:len(b)/2])
		f.Add(append(bytes.Clone(b), b...))
	}
	if os.Getenv("PEGASUS_VECTORS") == "" {
		return
	}
	for _, v := range thftVectors(f) {
		f.Add(unhex(f, v.Request))
		f.Add(unhex(f, v.Response))
	}
	for _, v := range nativeSamples(f) {
		f.Add(append(unhex(f, v.Header), unhex(f, v.Body)...))
	}
}

// frames gives the bodies of all recorded messages, if there are any, to f.
func frames(t testing.TB, f func(name string, body []byte)) {
	if os.Getenv("PEGASUS_VECTORS") == "" {
		return
	}
	for _, v := range thftVectors(t) {
		var fr frame
		if n, _, err := parseTHFT(unhex(t, v.Request), math.MaxInt32, &fr); n > 0 && err == nil {
			f(string(fr.name), fr.body)
		}
		var a answer
		if n, _, err := parseTHFTAnswer(unhex(t, v.Response), math.MaxInt32, &a); n > 0 && err == nil {
			f(v.RPC+"_ACK", a.body)
		}
	}
	for _, v := range nativeSamples(t) {
		f(v.RPCName, unhex(t, v.Body))
	}
}

func patched(b []byte) []byte {
	patchTHFTReply(b, 0)
	return b
}

// oldMessage is the TMessage form without a version.
func oldMessage(name string, typ byte, seq int32, args []byte) []byte {
	w := writer{}
	w.WriteString(noContext, name)
	w.buf = append(w.buf, typ)
	w.WriteI32(noContext, seq)
	return append(w.buf, args...)
}

// checkParser holds a parser to its contract on one input.
func checkParser(t *testing.T, b []byte, parse func([]byte) (n, need int, err error)) (n int) {
	n, need, err := parse(b)
	switch {
	case err != nil && n != 0:
		t.Fatalf("%d bytes and an error: %v", n, err)
	case err == nil && n == 0 && (need <= len(b) || need > fuzzFrameMax):
		t.Fatalf("has %d bytes and asks for %d: the reader would spin or grow without end", len(b), need)
	case n > len(b):
		t.Fatalf("frame of %d bytes in %d", n, len(b))
	case n > 0:
		if m, _, err := parse(b[:n-1]); m != 0 || err != nil {
			t.Fatalf("one byte less gives %d, %v", m, err)
		}
	}
	return n
}

func FuzzTHFTRequest(f *testing.F) {
	seedFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var fr frame
		parse := func(b []byte) (int, int, error) { return parseTHFT(b, fuzzFrameMax, &fr) }
		if checkParser(t, b, parse) == 0 {
			return
		}
		parse(b)
		c := Call{Name: string(fr.name), Gpid: fr.gpid, TimeoutMs: fr.timeoutMs, PartitionHash: fr.partHash, Backup: fr.backup, Body: fr.body}
		var again frame
		wire := appendTHFTRequest(nil, fr.dialect, &c, uint32(fr.seq))
		n, _, err := parseTHFT(wire, 2*fuzzFrameMax, &again)
		if n != len(wire) || err != nil || !bytes.Equal(fr.name, again.name) || !bytes.Equal(fr.body, again.body) ||
			fr.gpid != again.gpid || fr.seq != again.seq || fr.backup != again.backup || fr.partHash != again.partHash {
			t.Fatalf("%+v became %+v (%v)", fr, again, err)
		}
	})
}

func FuzzNativeRequest(f *testing.F) {
	seedFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var fr frame
		parse := func(b []byte) (int, int, error) { return parseNative(b, fuzzFrameMax, &fr) }
		n := checkParser(t, b, parse)
		if n == 0 {
			return
		}
		parse(b)
		if len(fr.name) > nameLenMax || len(fr.body) != n-nativeHeader || len(fr.header) != nativeHeader {
			t.Fatalf("%+v", fr)
		}
		if fr.name == nil {
			return
		}
		c := Call{Name: string(fr.name), Gpid: fr.gpid, TimeoutMs: fr.timeoutMs, PartitionHash: fr.partHash, Backup: fr.backup, Body: fr.body}
		var again frame
		wire := appendNativeRequest(nil, &c, fr.seq, base.AddressFromInt64(fr.from), hasHeaderCRC((*[nativeHeader]byte)(fr.header)))
		n, _, err := parseNative(wire, 2*fuzzFrameMax, &again)
		if n != len(wire) || err != nil || !bytes.Equal(fr.name, again.name) || !bytes.Equal(fr.body, again.body) || fr.gpid != again.gpid ||
			fr.seq != again.seq || fr.backup != again.backup || fr.partHash != again.partHash || fr.timeoutMs != again.timeoutMs || fr.from != again.from {
			t.Fatalf("%+v became %+v (%v)", fr, again, err)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	seedFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var a answer
		checkParser(t, b, func(b []byte) (int, int, error) { return parseTHFTAnswer(b, fuzzFrameMax, &a) })
		checkParser(t, b, func(b []byte) (int, int, error) { return parseNativeAnswer(b, fuzzFrameMax, &a) })
	})
}

func FuzzMessageBegin(f *testing.F) {
	seedFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		name, _, _, rest, err := readMessageBegin(b)
		if err == nil && len(name)+len(rest) > len(b) {
			t.Fatalf("name of %d and rest of %d bytes out of %d", len(name), len(rest), len(b))
		}
	})
}

// FuzzReadValue decodes arbitrary bytes as values of every shape. What decodes is encoded and decoded
// again, which must not change it.
func FuzzReadValue(f *testing.F) {
	seedFrames(f)
	for _, v := range manyShapes() {
		f.Add(AppendValue(nil, 0, v))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range manyShapes() {
			rest, err := ReadValue(b, v)
			if err != nil {
				continue
			}
			if len(rest) > len(b) {
				t.Fatal("more is left than there was")
			}
			once, err := appendValue(nil, 0, v)
			if err != nil {
				continue // a set with equal elements, which the wire can hold
			}
			if _, err := ReadValue(once, v); err != nil {
				t.Fatalf("%T does not read what it wrote: %v", v, err)
			}
		}
		ReadI64(b)
		ReadString(b)
	})
}

// manyShapes are empty values with lists, maps, nested structs and raw special types.
func manyShapes() []thrift.TStruct {
	return []thrift.TStruct{
		base.NewBlob(), base.NewErrorCode(), base.NewGpid(), base.NewRPCAddress(), base.NewHostPort(),
		new(rrdb.MultiPutRequest), new(rrdb.CheckAndMutateRequest), new(rrdb.ScanResponse),
		new(layer2.QueryCfgResponse), new(consensus.LearnResponse), new(consensus.GroupCheckRequest),
		new(replicaadmin.QueryDiskInfoResponse),
	}
}
