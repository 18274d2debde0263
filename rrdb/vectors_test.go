package rrdb

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// recordedDir holds what a running original cluster answered. It is not part of the project.
func recordedDir() string {
	if d := os.Getenv("PEGASUS_VECTORS"); d != "" {
		return d
	}
	return filepath.Join("..", "..", "shared", "vectors", "thft")
}

type recorded struct {
	Name           string
	RPC            string `json:"rpc"`
	PartitionIndex int32  `json:"partition_index"`
	Request        string `json:"request_hex"`
	Response       string `json:"response_hex"`
	ServerRole     string `json:"server_role"`
}

// recordedNow is the second at which the recording was made, by its own TTLs.
const recordedNow = 343746806

// Every storage answer of the original is repeated byte for byte, decrees included, up to server
// names and scan context ids.
func TestRecordedAnswers(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(recordedDir(), "*.json"))
	if len(files) == 0 {
		t.Skip("recorded vectors are not here; set PEGASUS_VECTORS to their folder")
	}
	sort.Strings(files)
	var stores [4]*rig
	for i := range stores {
		stores[i] = newRig(t)
		stores[i].s.opts.Gpid = base.Gpid{AppID: 3, PartitionIndex: int32(i)}
		stores[i].rc.Now = recordedNow
		stores[i].ts = (recordedNow + base.EpochUnix) * 1e6
	}
	contexts := map[int64]int64{}
	compared := 0
	for _, f := range files {
		var v recorded
		b, err := os.ReadFile(f)
		if err != nil || json.Unmarshal(b, &v) != nil {
			t.Fatalf("%s: %v", f, err)
		}
		v.Name = filepath.Base(f)
		op, ok := OpOf(v.RPC)
		if !ok || v.PartitionIndex > 3 || v.ServerRole != "replica" || bytes.Contains([]byte(v.Name), []byte("err.")) || bytes.Contains([]byte(v.Name), []byte("v1")) {
			continue
		}
		if compareRecorded(t, stores[v.PartitionIndex], op, v, contexts) {
			compared++
		}
	}
	if compared < 50 {
		t.Fatalf("only %d answers compared", compared)
	}
	t.Logf("%d answers compared", compared)
}

func compareRecorded(t *testing.T, r *rig, op Op, v recorded, contexts map[int64]int64) bool {
	req := frameArgs(t, v.Request)
	if op == OpScan || op == OpClearScanner {
		at := bytes.Index(req, []byte{tagI64, 0, 1}) + 3
		if live, ok := contexts[int64(binary.BigEndian.Uint64(req[at:]))]; ok {
			binary.BigEndian.PutUint64(req[at:], uint64(live))
		}
	}
	server := ""
	var want []byte
	if v.Response != "" {
		want = responseResult(t, v.Response)
		server = serverOf(want)
		r.s.tails = newTails(base.Gpid{AppID: 3, PartitionIndex: v.PartitionIndex}, server)
	}
	var got []byte
	if op.IsWrite() {
		if _, err := ValidateWrite(op, req, 0); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		got = r.apply(Update{op, req})[0]
	} else {
		var st ReadStat
		if got, st = r.s.Read(op, req, nil, r.rc); st.Err != base.ErrOK {
			t.Fatalf("%s: %v", v.Name, st.Err)
		}
	}
	if want == nil {
		t.Logf("%s (answer not recorded): %q", v.Name, got)
		return false
	}
	if op == OpGetScanner || op == OpScan {
		w, wa := contextOf(want)
		g, ga := contextOf(got)
		if (w == -1) != (g == -1) || (w == 0) != (g == 0) {
			t.Fatalf("%s: context %d, recorded %d", v.Name, g, w)
		}
		contexts[w] = g
		copy(got[ga:ga+8], want[wa:wa+8])
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", v.Name, got, want)
	}
	return true
}

// frameArgs cuts the argument wrapper out of a THFT v0 request frame.
func frameArgs(t *testing.T, h string) []byte {
	b, err := hex.DecodeString(h)
	if err != nil || len(b) < 60 {
		t.Fatalf("request %q: %v", h, err)
	}
	b = b[48:]
	n := int(binary.BigEndian.Uint32(b[4:]))
	return b[8+n+4:]
}

// responseResult cuts the result wrapper out of a response frame.
func responseResult(t *testing.T, h string) []byte {
	b, err := hex.DecodeString(h)
	if err != nil {
		t.Fatal(err)
	}
	n := int(binary.BigEndian.Uint32(b[4:]))
	b = b[8+n:]
	n = int(binary.BigEndian.Uint32(b[4:]))
	return b[8+n+4:]
}

// serverOf finds the server name: the last string field before the two STOPs and what may follow it.
func serverOf(b []byte) string {
	i := bytes.LastIndex(b, []byte("localhost:"))
	return string(b[i : i+len("localhost:34801")])
}

// contextOf finds the context id of a scan response and where it stands.
func contextOf(b []byte) (int64, int) {
	i := bytes.LastIndex(b, []byte{tagI64, 0, 3}) + 3
	return int64(binary.BigEndian.Uint64(b[i:])), i
}
