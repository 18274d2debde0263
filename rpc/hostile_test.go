package rpc

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

var someCall = Call{Name: getCode, Gpid: base.Gpid{AppID: 1}, Body: AppendValue(nil, 1, base.BlobOf([]byte("key")))}

func requestOf(d Dialect) []byte {
	if d == Native {
		return appendNativeRequest(nil, &someCall, 5, base.RPCAddress{}, true)
	}
	return appendTHFTRequest(nil, d, &someCall, 5)
}

func with(b []byte, at int, v uint32) []byte {
	b = bytes.Clone(b)
	binary.BigEndian.PutUint32(b[at:], v)
	return b
}

func serveGet(t testing.TB, opts ServerOptions) base.RPCAddress {
	_, at := serve(t, opts, func(s *Server) { s.HandleStorage(get) })
	return at
}

func TestBadFramesCloseTheConnectionAndNothingElse(t *testing.T) {
	at := serveGet(t, ServerOptions{FrameBytesMax: 1 << 20})
	v0, v1, native := requestOf(THFTv0), requestOf(THFTv1), requestOf(Native)
	other := rawDial(t, at)
	other.Write(v0)
	first := readN(t, other, len(exchangeAll(t, at, v0)))
	for name, b := range map[string][]byte{
		"unknown magic":            []byte("XXXX"),
		"magic of raw messages":    []byte("_RAW"),
		"another HTTP verb":        []byte("PUT / HTTP/1.1\r\n\r\n"),
		"HTTP without a handler":   []byte("GET / HTTP/1.1\r\n\r\n"),
		"v0 header length 47":      with(v0, 8, 47),
		"version 2":                with(v0, 4, 2),
		"v0 body of 4 GiB":         with(v0, 16, 0xffffffff),
		"v0 body above the limit":  with(v0, 16, 1<<20),
		"v1 meta of 4 GiB":         with(v1, 8, 0xffffffff),
		"v1 meta cut short":        with(v1, 8, 3),
		"v1 body above the limit":  with(v1, 12, 1<<20),
		"TMessage of type REPLY":   with(v0, 48, 0x80010002),
		"TMessage of type 0":       with(v0, 48, 0x80010000),
		"TMessage version 2":       with(v0, 48, 0x80020001),
		"name of 2 GiB":            with(v0, 52, 0x7fffffff),
		"old TMessage type REPLY":  framed(oldMessage(getCode, byte(thrift.REPLY), 5, nil)),
		"empty body":               framed(nil),
		"native body of 4 GiB":     with(native, offBodyLength, 0xffffffff),
		"native header checksum":   with(native, offID, 6),
		"native body checksum":     with(native, nativeHeader, 6),
		"native, JSON":             withoutChecksum(native, offContext, 3<<shiftSerialize|bitRequest),
		"bad frame after good one": append(bytes.Clone(v0), 'X', 'X', 'X', 'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			c := rawDial(t, at)
			c.Write(b)
			if name == "bad frame after good one" {
				readN(t, c, len(first))
			}
			wantClosed(t, c)
		})
	}
	other.Write(v0)
	if again := readN(t, other, len(first)); !bytes.Equal(first, again) {
		t.Errorf("the other connection got %x, before %x", again, first)
	}
}

func framed(message []byte) []byte {
	b := append([]byte(thftMagic), make([]byte, 44)...)
	return append(with(with(b, 8, 48), 16, uint32(len(message))), message...)
}

func withoutChecksum(native []byte, at int, v uint64) []byte {
	b := bytes.Clone(native)
	clear(b[offHeaderCRC : offBodyCRC+4])
	binary.LittleEndian.PutUint64(b[at:], v)
	return b
}

// exchangeAll is the answer to one request, of whatever length.
func exchangeAll(t testing.TB, at base.RPCAddress, request []byte) []byte {
	t.Helper()
	c := rawDial(t, at)
	defer c.Close()
	c.Write(request)
	b := make([]byte, 64<<10)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestGarbageAfterAGoodHeaderIsAnsweredInvalidData(t *testing.T) {
	at := serveGet(t, ServerOptions{})
	p := newPool(t, PoolOptions{Dialect: THFTv0})
	for _, body := range [][]byte{nil, {0}, {12}, {12, 0, 1}, {12, 0, 1, 0x7f, 0xff, 0xff, 0xff}, {15, 0, 1, 12, 0x7f, 0xff, 0xff, 0xff}} {
		c := someCall
		c.Body = body
		if err := p.Call(context.Background(), at, c, nil); err != base.ErrInvalidData {
			t.Errorf("%x: %v", body, err)
		}
	}
}

func TestRandomBytesHarmNobody(t *testing.T) {
	at := serveGet(t, ServerOptions{FrameBytesMax: 1 << 20})
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := requestOf([]Dialect{Native, THFTv0, THFTv1}[rnd.IntN(3)])
		for range 1 + rnd.IntN(6) {
			b[4+rnd.IntN(len(b)-4)] = byte(rnd.Uint32())
		}
		c := rawDial(t, at)
		c.Write(b)
		c.CloseWrite()
		c.Close()
	}
	if len(exchangeAll(t, at, requestOf(THFTv1))) == 0 {
		t.Error("no answer after random requests")
	}
}

func TestFramesMayArriveByteByByteAndChangeVersion(t *testing.T) {
	at := serveGet(t, ServerOptions{})
	v0, v1 := requestOf(THFTv0), requestOf(THFTv1)
	old := framed(oldMessage(getCode, byte(thrift.CALL), 5, someCall.Body))
	binary.BigEndian.PutUint32(old[24:], 1)
	want := exchangeAll(t, at, v0)
	c := rawDial(t, at)
	for _, b := range [][]byte{v0, v1, old, v1, v0} {
		for i := range b {
			c.Write(b[i : i+1])
		}
		if got := readN(t, c, len(want)); !bytes.Equal(got, want) {
			t.Fatalf("got %x, want %x", got, want)
		}
	}
	c.Write(bytes.Repeat(append(bytes.Clone(v0), v1...), 500))
	if got := readN(t, c, 1000*len(want)); !bytes.Equal(got, bytes.Repeat(want, 1000)) {
		t.Fatal("pipelined answers differ")
	}
}

func TestLargeFrames(t *testing.T) {
	at := serveGet(t, ServerOptions{})
	dialects(t, func(t *testing.T, d Dialect) {
		p := newPool(t, PoolOptions{Dialect: d})
		for _, size := range []int{1 << 10, 100 << 10, 20 << 20, 1} {
			value := bytes.Repeat([]byte{7}, size)
			c := someCall
			c.Body = AppendValue(nil, 1, base.BlobOf(value))
			var res rrdb.ReadResponse
			if err := p.Call(context.Background(), at, c, &res); err != nil || !bytes.Equal(res.Value.Data, value) {
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
	})
}

func TestAFrameThatDoesNotComeToAnEndIsGivenUp(t *testing.T) {
	at := serveGet(t, ServerOptions{FrameMs: 200})
	idle := rawDial(t, at)
	slow := rawDial(t, at)
	b := requestOf(THFTv0)
	go func() {
		for i := range b {
			if _, err := slow.Write(b[i : i+1]); err != nil {
				return
			}
			time.Sleep(30 * time.Millisecond)
		}
	}()
	wantClosed(t, slow)
	idle.Write(b) // idle for longer than FrameMs, but between frames
	readN(t, idle, 4)
}

// allocated is the bytes that f makes the process allocate.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestClaimedSizesAllocateNothing(t *testing.T) {
	list := []byte{12, 0, 0, 15, 0, 5, 12, 0x7f, 0xff, 0xff, 0xff} // query_cfg_response.partitions
	text := []byte{12, 0, 0, 11, 0, 1, 0x7f, 0xff, 0xff, 0xff}     // a string
	many := append([]byte{12, 0, 0, 15, 0, 5, 12, 0, 0x20, 0, 0}, make([]byte, 0x200000)...)
	deep := append([]byte{12, 0, 0}, bytes.Repeat([]byte{12, 0, 99}, 100000)...)
	for name, b := range map[string][]byte{"list": list, "string": text, "deep": deep, "too many elements": many} {
		var err error
		if got := allocated(func() { _, err = ReadValue(b, new(layer2.QueryCfgResponse)) }); got > 1<<20 || err == nil {
			t.Errorf("%s: %d bytes allocated, %v", name, got, err)
		}
	}
	at := serveGet(t, ServerOptions{})
	c := rawDial(t, at)
	got := allocated(func() {
		c.Write(with(requestOf(THFTv0), 16, 60<<20))
		time.Sleep(50 * time.Millisecond)
	})
	if got > 4<<20 {
		t.Errorf("a frame that claims 60 MiB made the server allocate %d bytes", got)
	}
}
