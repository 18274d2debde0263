package baseline

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/rpc"
)

const (
	looks       = 6
	inFlight    = 16
	timeoutMs   = 10_000
	pageMax     = 32 << 20
	mallocs     = "go_memstats_mallocs_total"
	allocated   = "go_memstats_alloc_bytes_total"
	tableName   = "temp"
	wideHashKey = "wide"
)

// spent is what the replica servers have used since they started.
type spent struct{ allocs, bytes, syscalls float64 }

func (s spent) minus(o spent) spent {
	return spent{s.allocs - o.allocs, s.bytes - o.bytes, s.syscalls - o.syscalls}
}

func (s *spent) least(o spent, round int) {
	least(&s.allocs, o.allocs, round)
	least(&s.bytes, o.bytes, round)
	least(&s.syscalls, o.syscalls, round)
}

// What looking costs differs by so much from one time to the next; also room for what servers do by themselves.
var lookingVaries = spent{allocs: 4000, bytes: 400_000, syscalls: 1000}

// servers are replica servers of a onebox, each a process.
type servers struct {
	t    *testing.T
	at   []string
	pids []int
	http http.Client
}

// measureServers counts what all replica servers of a onebox spend on an operation. Their collectors rest.
func measureServers(t *testing.T, now *results) {
	t.Setenv("GOGC", "off")
	box := cluster.Start(t, cluster.Options{})
	all := &servers{t: t}
	for _, at := range box.Replicas {
		all.at, all.pids = append(all.at, at), append(all.pids, box.Pids()[box.NameOf(at)])
	}
	t.Cleanup(all.http.CloseIdleConnections)
	c, err := client.New(box.Metas, client.Options{OpTimeout: timeoutMs * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	if _, err := c.Admin().WaitHealthy(ctx, tableName, nil); err != nil {
		t.Fatal(err)
	}
	table, err := c.Open(ctx, tableName)
	if err != nil {
		t.Fatal(err)
	}
	all.measureOperations(ctx, table, now)
}

// primary is the server that answers reads of a hash key.
func (s *servers) primary(table *client.Table, hashKey []byte) *servers {
	s.t.Helper()
	at := table.Primary(int32(base.KeyHash(base.EncodeKey(hashKey, nil)) % uint64(table.PartitionCount()))).String()
	i := slices.Index(s.at, at)
	if i < 0 {
		s.t.Fatalf("the primary %s is none of the servers %v", at, s.at)
	}
	return &servers{t: s.t, at: s.at[i : i+1], pids: s.pids[i : i+1]}
}

func (s *servers) measureOperations(ctx context.Context, table *client.Table, now *results) {
	wide, value := []byte(wideHashKey), make([]byte, valueBytes)
	var rows []client.KV
	for i := range 2 * manyRows {
		rows = append(rows, client.KV{SortKey: fmt.Appendf(nil, "%08d", i), Value: value})
	}
	must := func(err error) {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	must(table.MultiSet(ctx, wide, rows, 0))
	reader := s.primary(table, wide)
	defer reader.http.CloseIdleConnections()
	reader.measure(now, "get_1", 6000, 1, func(int) {
		_, found, err := table.Get(ctx, wide, rows[7].SortKey)
		must(err)
		if !found {
			s.t.Fatal("a row that was written is not there")
		}
	})
	reader.measure(now, "get_16", 1500, inFlight, s.getsTogether(table, base.EncodeKey(wide, rows[7].SortKey)))
	reader.measure(now, "multi_get_100", 1500, 1, func(int) {
		kvs, _, err := table.MultiGet(ctx, wide, client.MultiGetOptions{MaxCount: manyRows})
		must(err)
		if len(kvs) != manyRows {
			s.t.Fatalf("%d rows, want %d", len(kvs), manyRows)
		}
	})
	reader.measure(now, "scan_200", 1200, 1, func(int) {
		scanner, err := table.HashScanner(wide, nil, nil, client.ScanOptions{BatchSize: manyRows})
		must(err)
		defer scanner.Close()
		n := 0
		for {
			_, ok, err := scanner.Next(ctx)
			must(err)
			if !ok {
				break
			}
			n++
		}
		if n != len(rows) {
			s.t.Fatalf("%d rows, want %d", n, len(rows))
		}
	})
	s.measure(now, "set_1", 600, 1, func(i int) { must(table.Set(ctx, []byte("set"), rows[i%len(rows)].SortKey, value, 0)) })
}

// getsTogether sends gets of one row in one piece and waits for all answers.
func (s *servers) getsTogether(table *client.Table, raw []byte) func(int) {
	body, hash := table.AppendKeyArg(nil, raw), base.KeyHash(raw)
	answers := make(chan error, inFlight)
	done := func(code base.ErrorCode, body []byte) {
		st, value, err := client.GetResponse(body)
		if code != base.ErrOK || err != nil || st != client.StatusOK || len(value) != valueBytes {
			err = fmt.Errorf("get: %v, status %v, %d bytes, %v", code, st, len(value), err)
		}
		answers <- err
	}
	return func(int) {
		var batch rpc.Batch
		for range inFlight {
			table.GoBatch(&batch, client.OpGet, hash, body, timeoutMs, done)
		}
		batch.Flush()
		for range inFlight {
			if err := <-answers; err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// measure runs calls of f, each of some operations. The least that looking costs is subtracted, and the least of the
// rounds counts: what the servers do besides can only add.
func (s *servers) measure(now *results, name string, calls, operations int, f func(i int)) {
	s.t.Helper()
	for i := range calls / 4 { // warms pools and buffers
		f(i)
	}
	var looking, used spent
	before := s.look()
	for i := range looks {
		next := s.look()
		looking.least(next.minus(before), i)
		before = next
	}
	nanos := 0.0
	for round := range rounds {
		before := s.look()
		began := time.Now()
		for i := range calls {
			f(i)
		}
		took := time.Since(began)
		used.least(s.look().minus(before), round)
		least(&nanos, float64(took), round)
	}
	used = used.minus(looking)
	n := float64(calls * operations)
	allocs, bytes, syscalls := max(used.allocs/n, 0), max(used.bytes/n, 0), max(used.syscalls/n, 0)
	s.t.Logf("%-24s %10.0f ns/op %10.2f allocs/op %10.1f bytes/op %8.2f syscalls/op", name, nanos/n, allocs, bytes, syscalls)
	now.add("server_"+name+"_allocs", allocs, 0.10, lookingVaries.allocs/n)
	now.add("server_"+name+"_bytes", bytes, 0.20, lookingVaries.bytes/n)
	now.add("server_"+name+"_syscalls", syscalls, 0.25, lookingVaries.syscalls/n)
}

// look adds up what the servers have spent.
func (s *servers) look() spent {
	s.t.Helper()
	var sum spent
	for _, at := range s.at {
		values, err := s.page("http://" + at + "/metrics?format=prometheus")
		if err != nil {
			s.t.Fatalf("read the metrics of %s: %v", at, err)
		}
		sum.allocs += values[mallocs]
		sum.bytes += values[allocated]
	}
	for _, pid := range s.pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
		if err != nil {
			s.t.Fatalf("read the system calls of process %d: %v", pid, err)
		}
		values := numbers(strings.NewReader(strings.ReplaceAll(string(text), ":", "")))
		sum.syscalls += values["syscr"] + values["syscw"]
	}
	return sum
}

func (s *servers) page(url string) (map[string]float64, error) {
	answer, err := s.http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	values := numbers(io.LimitReader(answer.Body, pageMax))
	if values[mallocs] == 0 || values[allocated] == 0 {
		return nil, fmt.Errorf("%s without %s and %s", answer.Status, mallocs, allocated)
	}
	return values, nil
}

// numbers reads lines of a name and a number; what else there is it passes over.
func numbers(text io.Reader) map[string]float64 {
	values := map[string]float64{}
	for lines := bufio.NewScanner(text); lines.Scan(); {
		name, number, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(strings.TrimSpace(number), 64); err == nil {
			values[name] = v
		}
	}
	return values
}
