package compattests

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// The limits of this test, lower than the defaults.
const (
	hostileConnsMax = 1000
	hostileTotalMiB = 64
	hostileFrameMs  = 3000
	// hostileRSSMiB is what the limits allow together: the budgets of read buffers, requests and answers,
	// twice, since a buffer that grows exists twice and the collector runs behind, and 64 KiB of each
	// kind that every connection may have.
	hostileRSSMiB = 2*3*hostileTotalMiB + hostileConnsMax*3*64/1024
	// hostileSlack is for descriptors and goroutines that come and go by themselves.
	hostileSlack = 100
)

// TestHostile attacks a primary and the leading meta over the network. Whatever is done to them, their
// memory, goroutines and descriptors stay within bounds that follow from their configuration, and all
// requests of a client that means no harm succeed.
func TestHostile(t *testing.T) {
	mib := func(key string) string { return fmt.Sprintf("network.%s=%d", key, hostileTotalMiB<<20) }
	c := cluster.Start(t, cluster.Options{Args: setArgs(
		fmt.Sprintf("network.conns_max=%d", hostileConnsMax), fmt.Sprintf("network.frame_ms=%d", hostileFrameMs),
		"network.out_buffer_bytes_max=1048576", "network.out_buffer_bytes_busy=16777216", "http.http_in_flight_max=16",
		mib("out_buffer_bytes_total_max"), mib("in_flight_bytes_total_max"), mib("in_buffer_bytes_total_max"),
	)})
	before := c.Pids()
	fillForAttacks(t, c)
	conns := hostileConnsMax + hostileSlack
	perConn := bound{rssMiB: 96, descriptors: conns, goroutines: 2 * conns}
	memory := bound{rssMiB: hostileRSSMiB, descriptors: conns, goroutines: 2 * conns}
	for _, a := range []struct {
		name   string
		attack func(t *testing.T, w *watch, c *cluster.Cluster)
		bound  bound
	}{
		{"port_scans", portScans, perConn},
		{"silence", silence, perConn},
		{"half_frames", halfFrames, perConn},
		{"one_byte_at_a_time", slowLoris, perConn},
		{"declared_lengths", declaredLengths, perConn},
		{"garbage_after_a_good_start", garbageAfterGood, perConn},
		{"large_frames_that_stop", largeFrames, memory},
		{"answers_nobody_reads", answersNobodyReads, memory},
		{"pipelined_requests", pipelinedFlood, memory},
		{"scans_that_match_nothing", scansForNothing, memory},
		{"http", httpAttacks, memory},
	} {
		t.Run(a.name, func(t *testing.T) {
			w := startWatch(t, c)
			a.attack(t, w, c)
			w.end(a.bound)
			c.AssertAlive(before)
		})
	}
}

// each attacks both targets at once.
func (w *watch) each(attack func(s *target)) {
	var wg sync.WaitGroup
	for _, s := range w.targets {
		wg.Go(func() { attack(s) })
	}
	wg.Wait()
}

// open makes a connection for an attack; nil when the server has no room.
func (s *target) open(w *watch) net.Conn {
	conn, err := net.DialTimeout("tcp", s.addr, requestTimeout)
	if err != nil {
		w.complain("connect to %s: %v", s.name, err)
		return nil
	}
	_ = conn.SetDeadline(time.Now().Add(requestTimeout))
	return conn
}

// hold opens n connections, sends each the same bytes, calls meanwhile, and closes them.
func (w *watch) hold(n int, send []byte, meanwhile func()) {
	var mu sync.Mutex
	var all []net.Conn
	w.each(func(s *target) {
		for range n {
			if conn := s.open(w); conn != nil {
				_, _ = conn.Write(send) // the server may have closed it already
				mu.Lock()
				all = append(all, conn)
				mu.Unlock()
			}
		}
	})
	w.atWork()
	meanwhile()
	for _, conn := range all {
		_ = conn.Close()
	}
}

// served waits until the innocent got n more requests through.
func (w *watch) someServed(n int) {
	w.t.Helper()
	for start, end := w.count(), time.Now().Add(requestTimeout); w.count() < start+n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%d innocent requests served within %v", w.count()-start, requestTimeout)
		}
	}
}

func portScans(t *testing.T, w *watch, _ *cluster.Cluster) {
	w.each(func(s *target) {
		for range 5000 {
			if conn := s.open(w); conn != nil {
				_ = conn.(*net.TCPConn).SetLinger(0) // as scanners do: reset, and no port that waits
				_ = conn.Close()
			}
		}
	})
	w.atWork()
}

// silence opens three times the connections that the servers take and says nothing on them.
func silence(t *testing.T, w *watch, _ *cluster.Cluster) {
	w.hold(3*hostileConnsMax, nil, func() { w.someServed(200) })
}

func goodGet() []byte {
	return thft.Header{AppID: 1, TimeoutMs: 5000}.Frame(thft.Body("RPC_RRDB_RRDB_GET", 1, thft.WrapBlob(thft.Key("k", ""))))
}

func halfFrames(t *testing.T, w *watch, _ *cluster.Cluster) {
	for _, start := range [][]byte{goodGet()[:20], []byte("RDSN"), []byte("GET / HT"), []byte("T")} {
		w.hold(2*hostileConnsMax/3, start, func() { w.someServed(50) })
	}
}

// slowLoris sends a frame byte by byte, slower than frame_ms allows: the servers end it.
func slowLoris(t *testing.T, w *watch, _ *cluster.Cluster) {
	frame := goodGet()
	pause := 2 * hostileFrameMs * time.Millisecond / time.Duration(len(frame))
	w.each(func(s *target) {
		var wg sync.WaitGroup
		for range 200 {
			conn := s.open(w)
			if conn == nil {
				continue
			}
			wg.Go(func() {
				defer conn.Close()
				for i := range frame {
					if _, err := conn.Write(frame[i : i+1]); err != nil {
						break
					}
					time.Sleep(pause)
				}
				if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) && !isReset(err) {
					w.complain("%s serves a frame that took twice as long as it may: %v", s.name, err)
				}
			})
		}
		w.atWork()
		wg.Wait()
	})
}

func isReset(err error) bool { return err != nil && strings.Contains(err.Error(), "reset") }

// declaredLengths puts huge numbers into every 32-bit word of every header.
func declaredLengths(t *testing.T, w *watch, _ *cluster.Cluster) {
	native := thft.Native{Name: "RPC_RRDB_RRDB_GET", AppID: 1, Body: thft.WrapBlob(thft.Key("k", ""))}.Frame()
	v1 := thft.Header{Version: 1, AppID: 1, TimeoutMs: 5000}.Frame(thft.Body("RPC_RRDB_RRDB_GET", 1, thft.WrapBlob(thft.Key("k", ""))))
	w.each(func(s *target) {
		for _, frame := range [][]byte{goodGet(), v1, native} {
			for at := 4; at+4 <= len(frame); at += 4 {
				for _, n := range []uint32{0xffffffff, 0x7fffffff, 0xffffff7f, 0x04000000, 0x00000004} {
					f := bytes.Clone(frame)
					binary.BigEndian.PutUint32(f[at:], n)
					if conn := s.open(w); conn != nil {
						_, _ = conn.Write(f)
						_ = conn.(*net.TCPConn).CloseWrite()
						_ = conn.Close()
					}
				}
			}
		}
	})
	w.atWork()
}

// garbageAfterGood sends a request in every dialect, then noise, and reads to the end.
func garbageAfterGood(t *testing.T, w *watch, _ *cluster.Cluster) {
	noise := bytes.Repeat([]byte("\xde\xad\xbe\xef garbage "), 1000)
	native := thft.Native{Name: "RPC_RRDB_RRDB_GET", AppID: 1, Body: thft.WrapBlob(thft.Key("k", ""))}.Frame()
	w.each(func(s *target) {
		var wg sync.WaitGroup
		defer wg.Wait()
		for i := range 100 {
			start := [][]byte{goodGet(), native, []byte("GET /version HTTP/1.1\r\nHost: x\r\n\r\n"), []byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")}[i%4]
			conn := s.open(w)
			if conn == nil {
				continue
			}
			wg.Go(func() {
				defer conn.Close()
				_, _ = conn.Write(append(bytes.Clone(start), noise...))
				if _, err := io.ReadAll(conn); err != nil && !isReset(err) {
					w.complain("%s, dialect %d: garbage does not end the connection: %v", s.name, i%4, err)
				}
			})
		}
		w.atWork()
	})
}
