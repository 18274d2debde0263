package rpc

import (
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/internal/fuzz"
)

// FuzzConnection sends arbitrary bytes to a server that speaks all dialects and then says that no more
// come: the server answers what it can, ends the connection, and holds nothing of it afterwards.
func FuzzConnection(f *testing.F) {
	seedFrames(f)
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST /a?b=%zz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\nx", "GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	var commands Commands
	commands.Register("echo", "", func(args []string) string { return "" })
	s, at := serve(f, ServerOptions{FrameBytesMax: fuzzFrameMax, HTTPBodyBytesMax: fuzzFrameMax}, func(s *Server) {
		s.HandleStorage(get)
		s.Handle("RPC_CLI_CLI_CALL", commands.Handle)
		s.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	})
	// A frame of 32 bytes can be answered with some 200.
	const answerMax = 20
	f.Fuzz(func(t *testing.T, b []byte) {
		var answer []byte
		var err error
		fuzz.Bounded(t, len(b), func() { answer, err = sendAll(at.String(), b) })
		if err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Fatalf("not ended: %v after %d bytes of answer", err, len(answer))
		}
		if len(answer) > 4096+answerMax*len(b) {
			t.Fatalf("%d bytes answered to %d", len(answer), len(b))
		}
		waitFor(t, func() bool { return s.Stats().Conns == 0 })
		if st := s.Stats(); st.InFlightBytes != 0 || st.InBufferBytes != 0 || st.OutBufferBytes != 0 {
			t.Fatalf("left behind: %+v", st)
		}
	})
}

// sendAll makes a connection, sends b, says that this is all, and reads to the end.
func sendAll(to string, b []byte) ([]byte, error) {
	c, err := net.Dial("tcp4", to)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write(b); err != nil {
		return nil, err
	}
	c.(*net.TCPConn).CloseWrite()
	return io.ReadAll(c)
}
