package compattests

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// The recording stands beside the checkout, or where PEGASUS_SHARED says; it is no part of the project.
const (
	recordedAt    = 343746806 + epoch // when the recording was made: expiry times are moved by the time since
	recordedTable = 3                 // its app id
)

func sharedDir(t *testing.T, parts ...string) string {
	t.Helper()
	shared := os.Getenv("PEGASUS_SHARED")
	if shared == "" {
		shared = filepath.Join(cluster.Root(), "..", "shared")
	}
	path := filepath.Join(append([]string{shared}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		skipOrFail(t, "the recording is not here (PEGASUS_SHARED, or shared beside the checkout): %v", err)
	}
	return path
}

// exchange is one recorded request and its answer.
type exchange struct {
	file        string
	number      int
	RPC         string `json:"rpc"`
	ServerRole  string `json:"server_role"`
	AppID       int32  `json:"app_id"`
	Partition   int    `json:"partition_index"`
	RequestHex  string `json:"request_hex"`
	ResponseHex string `json:"response_hex"`
}

func recordedExchanges(t *testing.T) (list []exchange) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(sharedDir(t, "vectors", "thft"), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded exchanges: %v", err)
	}
	sort.Strings(files)
	for _, f := range files {
		e := readExchange(t, f)
		e.number, _ = strconv.Atoi(e.file[:3])
		list = append(list, e)
	}
	return list
}

func readExchange(t *testing.T, path string) exchange {
	t.Helper()
	e := exchange{file: filepath.Base(path)}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replay adapts recorded requests to the cluster at hand.
type replay struct {
	t        *testing.T
	leader   string
	cfg      thft.Config
	contexts map[int64]int64 // recorded scan context to ours
}

// TestRecorded replays what an original cluster was asked and compares the answers, every field but those that name the
// cluster. Where the answer was not recorded, the one that the protocol's description gives is expected.
func TestRecorded(t *testing.T) {
	list := recordedExchanges(t)
	c := cluster.Start(t, cluster.Options{InProcess: true})
	r := &replay{t: t, leader: c.Leader(), contexts: map[int64]int64{}}
	for _, e := range list {
		t.Run(e.file, func(t *testing.T) { r.one(t, e) })
	}
	t.Run("crash", func(t *testing.T) {
		files, _ := filepath.Glob(filepath.Join(sharedDir(t, "vectors", "thft", "crash"), "*.json"))
		for _, f := range files {
			r.killer(t, c, readExchange(t, f))
		}
	})
}

func (r *replay) one(t *testing.T, e exchange) {
	r.t = t
	if e.number == 9 { // the first request after the table was created
		cfg, err := thft.AwaitHealthy([]string{r.leader}, "vec", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		r.cfg = cfg
	}
	conn := dial(t, r.server(e))
	request := r.request(e)
	if strings.HasSuffix(e.RPC, "CLEAR_SCANNER") {
		if err := conn.Send(request); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		if n, _ := conn.Read(make([]byte, 1)); n > 0 {
			t.Error("clear_scanner was answered")
		}
		return
	}
	got, err := conn.Exchange(request)
	if bytes.HasPrefix(request, []byte("XXXX")) {
		if !closed(err) {
			t.Errorf("a request with a bad magic: %+v %v, want a closed connection", got, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	ours := compared(t, e, got)
	if e.ResponseHex == "" {
		r.workedOut(t, e, got, ours)
		return
	}
	recorded, err := thft.ParseReply(unhex(t, e.ResponseHex))
	if err != nil {
		t.Fatal(err)
	}
	r.learnContext(e, recorded, got)
	if want := compared(t, e, recorded); ours != want {
		t.Errorf("recorded %s\ngot      %s", want, ours)
	}
}

func (r *replay) server(e exchange) string {
	if e.ServerRole == "meta" || len(r.cfg.Partitions) == 0 {
		return r.leader
	}
	p := r.cfg.Partitions[e.Partition%len(r.cfg.Partitions)]
	if strings.Contains(e.file, "secondary") {
		return p.Secondaries[0]
	}
	return p.Primary
}

// request puts our app id, our scan contexts and present expiry times into a recorded frame.
func (r *replay) request(e exchange) []byte {
	f := unhex(r.t, e.RequestHex)
	i32 := func(at int) int32 { return int32(binary.BigEndian.Uint32(f[at:])) }
	if r.cfg.AppID > 0 && i32(4) == 0 && i32(24) == recordedTable {
		binary.BigEndian.PutUint32(f[24:], uint32(r.cfg.AppID))
		binary.BigEndian.PutUint32(f[36:], uint32(r.cfg.AppID*7919+i32(28)))
	}
	if r.cfg.AppID > 0 && (i32(4) == 1 || strings.HasSuffix(e.RPC, "RECALL_APP")) {
		replaceI32(f, 1, recordedTable, r.cfg.AppID)
	}
	shift := int32(time.Now().Unix() - recordedAt)
	for at := 0; at+7 <= len(f); at++ {
		if f[at] == 8 && f[at+1] == 0 {
			if v := i32(at + 3); v > recordedAt-epoch-800 && v < recordedAt-epoch+2000 {
				binary.BigEndian.PutUint32(f[at+3:], uint32(v+shift))
			}
		}
	}
	if strings.HasSuffix(e.RPC, "_SCAN") || strings.HasSuffix(e.RPC, "CLEAR_SCANNER") {
		if at := bytes.LastIndex(f, []byte{10, 0, 1}); at > 0 {
			id := int64(binary.BigEndian.Uint64(f[at+3:]))
			if ours, ok := r.contexts[id]; ok {
				binary.BigEndian.PutUint64(f[at+3:], uint64(ours))
			}
		}
	}
	return f
}

// replaceI32 changes the first field with an id and value.
func replaceI32(f []byte, id byte, from, to int32) {
	old := binary.BigEndian.AppendUint32([]byte{8, 0, id}, uint32(from))
	if at := bytes.Index(f, old); at > 0 {
		binary.BigEndian.PutUint32(f[at+3:], uint32(to))
	}
}

func (r *replay) learnContext(e exchange, recorded, ours thft.Reply) {
	if !strings.HasSuffix(e.RPC, "SCANNER") && !strings.HasSuffix(e.RPC, "_SCAN") {
		return
	}
	a, errA := thft.Result(recorded.Body, thft.Results[e.RPC])
	b, errB := thft.Result(ours.Body, thft.Results[e.RPC])
	if errA != nil || errB != nil {
		return
	}
	theirs, _ := a.(map[int16]any)[3].(int64)
	mine, _ := b.(map[int16]any)[3].(int64)
	if theirs > 0 {
		// The ids that follow by one were not all recorded.
		for i := range int64(4) {
			r.contexts[theirs+i] = mine + i
		}
	}
}

// killer is a request that aborts the original.
func (r *replay) killer(t *testing.T, c *cluster.Cluster, e exchange) {
	r.t = t
	tb := openTable(t, c, "temp")
	f := unhex(t, e.RequestHex)
	const partitionAt = 28
	p := int32(binary.BigEndian.Uint32(f[partitionAt:]))
	binary.BigEndian.PutUint32(f[24:], uint32(tb.AppID))
	refused(t, tb.Partitions[p].Primary, f, e.file)
	tb.put("after", e.file, "v")
	tb.expectValue("after", e.file, "v")
}

// clusterFields are ids that name the cluster or the moment, by call.
func clusterFields(rpc string) []int16 {
	switch strings.TrimPrefix(rpc, "RPC_RRDB_RRDB_") {
	case "PUT", "MULTI_PUT", "REMOVE":
		return []int16{2, 4, 5}
	case "GET", "TTL", "SORTKEY_COUNT", "MULTI_GET", "BATCH_GET":
		return []int16{3, 6}
	case "MULTI_REMOVE", "INCR":
		return []int16{3, 5, 6}
	case "CHECK_AND_SET", "CHECK_AND_MUTATE":
		return []int16{5, 7, 8}
	case "GET_SCANNER", "SCAN":
		return []int16{4, 6}
	}
	return nil
}

// compared renders an answer without what must differ. The recording's meta answers hold fields that the released clients
// can't read, so of those only the error is looked at.
func compared(t *testing.T, e exchange, r thft.Reply) string {
	t.Helper()
	schema := thft.Results[e.RPC]
	if r.Err != "ERR_OK" || schema == nil {
		return r.Err
	}
	if e.RPC == "RPC_CLI_CLI_CALL" {
		v, err := thft.Result(r.Body, schema)
		return fmt.Sprintf("%s %v %v", r.Err, err, v.(string) != "")
	}
	if strings.HasPrefix(e.RPC, "RPC_CM_") {
		return r.Err + " " + thft.LeadingError(r.Body)
	}
	v, err := thft.Result(r.Body, schema)
	if err != nil {
		return fmt.Sprintf("%s, undecodable: %v", r.Err, err)
	}
	m := v.(map[int16]any)
	for _, id := range clusterFields(e.RPC) {
		delete(m, id)
	}
	switch {
	case strings.HasSuffix(e.RPC, "TTL"):
		if ttl := m[2].(int32); ttl > 0 {
			m[2] = fmt.Sprint("~", (ttl+20)/60)
		}
	case strings.HasSuffix(e.RPC, "SCANNER"), strings.HasSuffix(e.RPC, "_SCAN"):
		if id := m[3].(int64); id > 0 {
			m[3] = "live"
		}
		fallthrough
	case strings.HasSuffix(e.RPC, "MULTI_GET"):
		for _, kv := range m[2].([]any) {
			if at, ok := kv.(map[int16]any)[3].(int32); ok && at > 0 {
				kv.(map[int16]any)[3] = "expires"
			}
		}
	}
	return fmt.Sprintf("%s %v", r.Err, m)
}
