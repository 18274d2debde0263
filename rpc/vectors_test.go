package rpc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// vector is one exchange recorded from an original cluster.
type vector struct {
	Op             string `json:"op"`
	RPC            string `json:"rpc"`
	AppID          int32  `json:"app_id"`
	PartitionIndex int32  `json:"partition_index"`
	PartitionHash  string `json:"partition_hash"`
	TimeoutMs      int32  `json:"timeout_ms"`
	SeqID          uint32 `json:"seq_id"`
	Request        string `json:"request_hex"`
	Response       string `json:"response_hex"`
	Code           string `json:"response_error_code"`
}

type nativeSample struct {
	RPCName string `json:"rpc_name"`
	Header  string `json:"header_hex"`
	Body    string `json:"body_hex"`
}

// vectorsDir is where recorded exchanges are, from the environment; they are not part of this project.
func vectorsDir(t testing.TB) string {
	dir := os.Getenv("PEGASUS_VECTORS")
	if dir == "" {
		t.Skip("PEGASUS_VECTORS does not name a directory of recorded exchanges")
	}
	return dir
}

func thftVectors(t testing.TB) []vector {
	files, err := filepath.Glob(filepath.Join(vectorsDir(t), "thft", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors: ", err)
	}
	all := make([]vector, len(files))
	for i, file := range files {
		readJSON(t, file, &all[i])
	}
	return all
}

func nativeSamples(t testing.TB) []nativeSample {
	var groups []struct {
		Samples []nativeSample `json:"samples"`
	}
	readJSON(t, filepath.Join(vectorsDir(t), "rdsn", "rdsn_samples.json"), &groups)
	var all []nativeSample
	for _, g := range groups {
		all = append(all, g.Samples...)
	}
	return all
}

func readJSON(t testing.TB, file string, v any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordedTHFTRequestsParseAndEncodeToTheSameBytes(t *testing.T) {
	for _, v := range thftVectors(t) {
		wire := unhex(t, v.Request)
		if len(wire) == 0 || string(wire[:4]) != thftMagic {
			continue
		}
		var f frame
		n, _, err := parseTHFT(wire, 1<<20, &f)
		if err != nil || n != len(wire) {
			t.Errorf("%s: %d of %d bytes, %v", v.Op, n, len(wire), err)
			continue
		}
		hash, _ := strconv.ParseUint(v.PartitionHash, 0, 64)
		if string(f.name) != v.RPC || f.seq != uint64(v.SeqID) || f.timeoutMs != v.TimeoutMs || f.partHash != hash ||
			f.gpid != (base.Gpid{AppID: v.AppID, PartitionIndex: v.PartitionIndex}) {
			t.Errorf("%s: parsed %s %+v", v.Op, f.name, f)
		}
		c := Call{Name: v.RPC, Gpid: f.gpid, TimeoutMs: v.TimeoutMs, PartitionHash: hash, Backup: f.backup, Body: f.body}
		if got := appendTHFTRequest(nil, f.dialect, &c, v.SeqID); !bytes.Equal(got, wire) {
			t.Errorf("%s: encoded\n%x, recorded\n%x", v.Op, got, wire)
		}
	}
}

func TestRecordedTHFTAnswersParseAndTheServerSendsTheSameBytes(t *testing.T) {
	for _, v := range thftVectors(t) {
		request, want := unhex(t, v.Request), unhex(t, v.Response)
		if len(want) == 0 {
			continue
		}
		var a answer
		n, _, err := parseTHFTAnswer(want, 1<<20, &a)
		if err != nil || n != len(want) || string(a.code) != v.Code || a.seq != uint64(v.SeqID) {
			t.Errorf("%s: %d of %d bytes, code %s seq %d, %v", v.Op, n, len(want), a.code, a.seq, err)
			continue
		}
		_, at := serve(t, ServerOptions{}, func(s *Server) {
			h := func(r *Request) { r.ReplyBytes(codeOf(a.code), a.body) }
			if a.code = bytes.Clone(a.code); v.Code == base.ErrHandlerNotFound.Name {
				return
			}
			s.HandleStorage(h)
			s.Handle(v.RPC, h)
		})
		if k, _ := KindOf(v.RPC); k.IsStorage() != (v.AppID > 0) && v.Code != base.ErrHandlerNotFound.Name {
			t.Errorf("%s: kind %v with app id %d", v.Op, k, v.AppID)
		}
		if got := exchange(t, at, request, len(want)); !bytes.Equal(got, want) {
			t.Errorf("%s: sent\n%x, recorded\n%x", v.Op, got, want)
		}
	}
}

// exchange writes a request on a connection of its own and reads size bytes.
func exchange(t *testing.T, at base.RPCAddress, request []byte, size int) []byte {
	t.Helper()
	c := rawDial(t, at)
	defer c.Close()
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	return readN(t, c, size)
}

func TestRecordedNativeRequestsParseAndEncodeToTheSameBytes(t *testing.T) {
	for _, v := range nativeSamples(t) {
		wire := append(unhex(t, v.Header), unhex(t, v.Body)...)
		var f frame
		n, _, err := parseNative(wire, 1<<20, &f)
		if err != nil || n != len(wire) {
			t.Errorf("%s: %d of %d bytes, %v", v.RPCName, n, len(wire), err)
			continue
		}
		if f.name == nil {
			continue // an answer
		}
		c := Call{Name: string(f.name), Gpid: f.gpid, TimeoutMs: f.timeoutMs, PartitionHash: f.partHash, Backup: f.backup, Body: f.body}
		got := appendNativeRequest(nil, &c, f.seq, base.AddressFromInt64(f.from), false)
		// Not ours to repeat: the random trace id, numeric codes that are local to a process, and
		// the thread hash, which each sender chooses as it likes.
		for _, b := range [][]byte{got, wire} {
			clear(b[offTraceID : offTraceID+8])
			clear(b[offCode : offCode+8])
			clear(b[offThreadHash : offThreadHash+4])
		}
		if !bytes.Equal(got, wire) {
			t.Errorf("%s: encoded\n%x, recorded\n%x", v.RPCName, got, wire)
		}
	}
}

func TestNativeAnswersHaveTheRecordedLayout(t *testing.T) {
	seen := 0
	for _, v := range nativeSamples(t) {
		wire := append(unhex(t, v.Header), unhex(t, v.Body)...)
		var a answer
		if n, _, err := parseNativeAnswer(wire, 1<<20, &a); err != nil || n != len(wire) {
			t.Fatalf("%s: %d %v", v.RPCName, n, err)
		}
		if a.code == nil {
			continue
		}
		seen++
		var h [nativeHeader]byte
		copy(h[:], wire)
		h[offContext] |= bitRequest
		clear(h[offErrorName : offErrorName+48])
		ack := string(cText(wire[offName : offName+48]))
		from := base.AddressFromInt64(int64(leUint64(wire[offFrom:])))
		m := newMethod(ack[:len(ack)-len("_ACK")])
		got := append(appendNativeReplyHead(nil, m, &h, from, codeOf(a.code)), a.body...)
		patchNative(got, 0, false)
		for _, b := range [][]byte{got, wire} {
			clear(b[offCode : offCode+8])
			clear(b[offErrorCode : offErrorCode+8])
		}
		if !bytes.Equal(got, wire) {
			t.Errorf("%s: encoded\n%x, recorded\n%x", v.RPCName, got, wire)
		}
	}
	if seen == 0 {
		t.Error("no answer among the samples")
	}
}
