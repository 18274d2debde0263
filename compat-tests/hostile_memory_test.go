package compattests

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

const (
	barrenRows  = 1_000_000
	barrenBatch = 10_000
	fatRows     = 64
	fatBytes    = 16 << 10
)

// Hash keys in partition 0, whose primary is attacked: one with a million rows, one whose rows make
// answers of 1 MiB, one that is there for single reads and writes.
var barrenHash, fatHash, singleHash = inPartition0("barren"), inPartition0("fat"), inPartition0("single")

func inPartition0(prefix string) string {
	for i := 0; ; i++ {
		if key := fmt.Sprint(prefix, i); thft.Hash(key)%8 == 0 {
			return key
		}
	}
}

// fillForAttacks writes a million rows under one hash key, and one whose rows make answers of 1 MiB.
func fillForAttacks(t *testing.T, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	if tb.PartitionOf(fatHash) != 0 || len(tb.Partitions) != 8 {
		t.Fatalf("%d partitions, the keys are made for 8", len(tb.Partitions))
	}
	for at := 0; at < barrenRows; at += barrenBatch {
		tb.multiPut(barrenHash, barrenBatch, func(i int) (string, []byte) { return fmt.Sprintf("%08d", at+i), []byte("x") })
	}
	tb.multiPut(fatHash, fatRows, func(i int) (string, []byte) { return fmt.Sprintf("%02d", i), make([]byte, fatBytes-100) })
}

func (c caller) multiPut(hash string, n int, row func(i int) (string, []byte)) {
	c.t.Helper()
	r := c.do("MULTI_PUT", hash, thft.Wrap(func(a *thft.Args) {
		a.Blob(1, []byte(hash)).Structs(2, n, func(i int, e *thft.Args) {
			key, value := row(i)
			e.Blob(1, []byte(key)).Blob(2, value)
		}).I32(3, 0)
	}))
	if r.err() != 0 {
		c.t.Fatalf("multi_put into %s: %v", hash, r)
	}
}

// at is the header of requests for a hash key.
func (c caller) at(hash string) thft.Header {
	return thft.Header{AppID: c.AppID, Partition: c.PartitionOf(hash), PartitionHash: thft.Hash(hash), TimeoutMs: 60000}
}

func multiGetOf(hash string, filter int32, pattern string) []byte {
	return thft.Wrap(func(a *thft.Args) {
		a.Blob(1, []byte(hash)).Blobs(2).I32(3, -1).I32(4, -1).Bool(5, false).Blob(6, nil).Blob(7, nil).
			Bool(8, true).Bool(9, false).I32(10, filter).Blob(11, []byte(pattern)).Bool(12, false)
	})
}

// largeFrames sends the beginnings of frames of 60 MiB, 400 MiB in all.
func largeFrames(t *testing.T, w *watch, _ *cluster.Cluster) {
	body := make([]byte, 60<<20)
	frame := thft.Header{AppID: 1, TimeoutMs: 5000}.Frame(thft.Body("RPC_RRDB_RRDB_PUT", 1, body))
	w.each(func(s *target) {
		var wg sync.WaitGroup
		for range 20 {
			conn := s.open(w)
			if conn == nil {
				continue
			}
			wg.Go(func() {
				defer conn.Close()
				_, _ = conn.Write(frame[:20<<20])
				_, _ = io.ReadAll(conn) // until the server has enough of it
			})
		}
		w.atWork()
		wg.Wait()
	})
}

// answersNobodyReads asks for 20 GiB of answers on ten connections and reads none of them.
func answersNobodyReads(t *testing.T, w *watch, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	frame := tb.at(fatHash).Frame(thft.Body("RPC_RRDB_RRDB_MULTI_GET", 1, multiGetOf(fatHash, 0, "")))
	list := thft.Header{TimeoutMs: 60000}.Frame(thft.Body("RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", 1, thft.Wrap(func(a *thft.Args) { a.Str(1, "temp").I32s(2) })))
	victims := map[*target][]byte{w.targets[1]: bytes.Repeat(list, 20000), w.targets[0]: bytes.Repeat(frame, 2000)}
	var conns []net.Conn
	var wg sync.WaitGroup
	for s, pipeline := range victims {
		for range 10 {
			conn := s.open(w)
			if conn == nil {
				continue
			}
			_ = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			conns = append(conns, conn)
			wg.Go(func() { _, _ = conn.Write(pipeline) }) // the server stops reading
		}
	}
	w.someServed(300)
	w.atWork()
	for _, conn := range conns {
		_ = conn.Close()
	}
	wg.Wait()
}

// pipelinedFlood sends requests as fast as it can and reads all answers: gets, writes, and calls that
// nobody serves.
func pipelinedFlood(t *testing.T, w *watch, c *cluster.Cluster) {
	tb := openTable(t, c, "temp")
	get := tb.at(singleHash).Frame(thft.Body("RPC_RRDB_RRDB_GET", 1, thft.WrapBlob(thft.Key(singleHash, ""))))
	put := tb.at(singleHash).Frame(thft.Body("RPC_RRDB_RRDB_PUT", 1, thft.Wrap(func(a *thft.Args) { a.Blob(1, thft.Key(singleHash, "")).Blob(2, make([]byte, 1000)).I32(3, 0) })))
	nobody := thft.Header{TimeoutMs: 5000}.Frame(thft.Body("RPC_NO_SUCH_CALL", 1, nil))
	var wg sync.WaitGroup
	flood := func(s *target, frame []byte, n int) {
		conn, err := thft.Dial(s.addr, requestTimeout)
		if err != nil {
			w.complain("connect to %s: %v", s.name, err)
			return
		}
		wg.Go(func() { _ = conn.Send(bytes.Repeat(frame, n)) })
		wg.Go(func() {
			defer conn.Close()
			for i := range n {
				if _, err := conn.Receive(); err != nil {
					w.complain("flood of %s: answer %d of %d: %v", s.name, i, n, err)
					return
				}
			}
		})
	}
	for range 8 {
		flood(w.targets[0], get, 20_000)
		flood(w.targets[0], put, 2_000)
		flood(w.targets[1], nobody, 20_000)
	}
	w.atWork()
	wg.Wait()
}

// scansForNothing looks for rows that are not there among a million: every request ends after a
// bounded number of rows, whatever it finds.
func scansForNothing(t *testing.T, w *watch, c *cluster.Cluster) {
	var wg sync.WaitGroup
	for i := range 16 {
		tb := openTable(t, c, "temp")
		wg.Go(func() {
			if i%2 == 0 {
				r, err := tb.Call("MULTI_GET", barrenHash, multiGetOf(barrenHash, 1, "no such text"))
				if err != nil || r[1] != int32(7) || len(r[2].([]any)) != 0 {
					w.complain("multi_get that matches nothing: %v %v, want an incomplete answer", r, err)
				}
				return
			}
			steps := 0
			r, err := tb.Call("GET_SCANNER", barrenHash, thft.Wrap(func(a *thft.Args) {
				a.Blob(1, thft.Key(barrenHash, "")).Blob(2, thft.Key(barrenHash, "\xff")).Bool(3, true).Bool(4, false).I32(5, 100).
					Bool(6, false).I32(7, 0).Blob(8, nil).I32(9, 1).Blob(10, []byte("no such text"))
			}))
			for ; err == nil && r[3] != int64(-1) && steps < 100; steps++ {
				if n := len(r[2].([]any)); n != 0 || r[1] != int32(0) {
					err = fmt.Errorf("%d rows, error %v", n, r[1])
					break
				}
				id := r[3].(int64)
				r, err = tb.Call("SCAN", barrenHash, thft.Wrap(func(a *thft.Args) { a.I64(1, id) }))
			}
			if err != nil || steps < 100 {
				w.complain("scan that matches nothing: %d steps, %v", steps, err)
			}
		})
	}
	w.atWork()
	wg.Wait()
	w.someServed(50)
}

// httpAttacks: headers without end, bodies that do not come, pages that nobody reads, too many at once.
func httpAttacks(t *testing.T, w *watch, _ *cluster.Cluster) {
	line := "X-Filler: " + strings.Repeat("a", 1000) + "\r\n"
	w.hold(100, []byte("GET / HTTP/1.1\r\nHost: x\r\n"+strings.Repeat(line, 1000)), func() { w.someServed(50) })
	w.hold(100, []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\nabc"), func() { w.someServed(50) })
	w.hold(100, []byte("GET / HTTP/1.1\r\nHost: x\r\nX"), func() { w.someServed(50) })
	w.hold(10, []byte(strings.Repeat("GET /metrics?detail=true HTTP/1.1\r\nHost: x\r\n\r\n", 1000)), func() { w.someServed(100) })
}
