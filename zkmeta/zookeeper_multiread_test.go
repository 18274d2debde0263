package zkmeta

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/internal/fuzz"
	"github.com/pegasus-go/pegasus/zkmeta/zktest"
)

// front stands before a server and takes requests for many nodes itself, with take; nil passes them on.
type front struct {
	net.Listener
	take  func(client net.Conn, frame []byte) (goOn bool)
	asked atomic.Int64
}

func startFront(t *testing.T, target string, take func(client net.Conn, frame []byte) bool) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{Listener: l, take: take}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(client, target)
		}
	}()
	return f
}

func (f *front) serve(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(client, server)
		client.Close()
	}()
	for first := true; ; first = false {
		frame := make([]byte, 4)
		if _, err := io.ReadFull(client, frame); err != nil {
			return
		}
		frame = append(frame, make([]byte, binary.BigEndian.Uint32(frame))...)
		if _, err := io.ReadFull(client, frame[4:]); err != nil {
			return
		}
		if !first && binary.BigEndian.Uint32(frame[8:]) == zkMultiRead {
			f.asked.Add(1)
			if f.take != nil && !f.take(client, frame) {
				return
			}
		}
		if _, err := server.Write(frame); err != nil {
			return
		}
	}
}

// A server that cannot read many nodes at once, or fails at it in whatever way, is asked for each. The session that holds
// the lock is not touched.
func TestNodesAreReadOneByOneWhenNeeded(t *testing.T) {
	server := zktest.Start(t, zktest.Options{})
	// What ZooKeeper before 3.6 does: an error, then the end of the session.
	unimplemented := func(client net.Conn, frame []byte) bool {
		b := binary.BigEndian.AppendUint32(nil, 16)
		b = append(b, frame[4:8]...)
		b = binary.BigEndian.AppendUint64(b, 0)
		b = binary.BigEndian.AppendUint32(b, uint32(0xfffffffa))
		client.Write(b)
		return false
	}
	var third atomic.Int64
	for name, take := range map[string]func(net.Conn, []byte) bool{
		"it can":         nil,
		"unimplemented":  unimplemented,
		"hangs up":       func(net.Conn, []byte) bool { return false },
		"hangs up later": func(net.Conn, []byte) bool { return third.Add(1) < 3 },
		"answers nonsense": func(client net.Conn, _ []byte) bool {
			client.Write(bytes.Repeat([]byte{0, 0, 1, 0}, 100))
			return false
		},
		"answers without end": func(client net.Conn, _ []byte) bool {
			client.Write([]byte{255, 255, 255, 255})
			return false
		},
		"does not answer": func(client net.Conn, _ []byte) bool {
			io.Copy(io.Discard, client)
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFront(t, server.Addr(), take)
			z, err := OpenZooKeeper([]string{f.Addr().String()}, ZooKeeperOptions{
				LockRoot: testLockRoot, SessionTimeout: 20 * time.Second, CallTimeout: time.Second, Logger: quiet})
			if err != nil {
				t.Fatal(err)
			}
			defer z.Close()
			l := leadTest(t, z, "meta-1:34601")
			var paths []string
			root := "/each-" + strings.ReplaceAll(name, " ", "-")
			ops := []Op{{Kind: OpCreate, Path: root}}
			for i := range 4 * chunkNodes {
				paths = append(paths, fmt.Sprintf("%s/%d", root, i))
				ops = append(ops, Op{Kind: OpCreate, Path: paths[i], Data: []byte(paths[i])})
			}
			if err := z.Txn(context.Background(), ops); err != nil {
				t.Fatal(err)
			}
			n := 0
			err = z.GetEach(context.Background(), paths, func(i int, data []byte, exists bool) error {
				if i != n || !exists || string(data) != paths[i] {
					t.Errorf("%s, as number %d: %q", paths[n], i, data)
				}
				n++
				return nil
			})
			if err != nil || n != len(paths) || !l.Valid() || f.asked.Load() == 0 {
				t.Errorf("%d nodes of %d, %v; the lease is valid: %v; asked for many at once: %d times", n, len(paths), err, l.Valid(), f.asked.Load())
			}
		})
	}
}

// A lost lease ends the reading of many nodes as it does that of one.
func TestManyNodesNeedTheLease(t *testing.T) {
	server := zktest.Start(t, zktest.Options{})
	z := openZK(t, 5*time.Second, server.Addr())
	l := leadTest(t, z, "meta-1:34601")
	paths := make([]string, 3*chunkNodes)
	for i := range paths {
		paths[i] = fmt.Sprintf("/none/%d", i)
	}
	n := 0
	err := z.GetEach(context.Background(), paths, func(int, []byte, bool) error {
		if n++; n == 1 {
			l.Resign()
		}
		return nil
	})
	if n != chunkNodes {
		t.Errorf("%d nodes were read", n)
	}
	if !errors.Is(err, ErrNotLeader) {
		t.Errorf("error is %v", err)
	}
}

func FuzzMultiReadAnswer(f *testing.F) {
	good := binary.BigEndian.AppendUint32(appendMultiHeader(nil, zkErrorResult, 0), ^uint32(100))
	good = append(appendZKString(appendMultiHeader(good, zkGetData, 0), "data"), make([]byte, zkStatBytes)...)
	f.Add(good, uint8(2))
	f.Add(good, uint8(1))
	f.Add(good[:len(good)-1], uint8(2))
	f.Add(appendMultiHeader(nil, zkErrorResult, 1), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		fuzz.Bounded(t, len(b)+64*int(n), func() {
			r := zkReader{b: b}
			nodes, err := r.nodes(int(n))
			size := 0
			for _, x := range nodes {
				size += len(x.data)
			}
			if err == nil && (len(nodes) != int(n) || size > len(b)) {
				t.Fatalf("%d nodes of %d, %d bytes out of %d", len(nodes), n, size, len(b))
			}
		})
	})
}
