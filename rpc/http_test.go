package rpc

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func httpServer(t *testing.T, opts ServerOptions) (*Server, string) {
	s, at := serve(t, opts, func(s *Server) {
		s.HandleStorage(get)
		s.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, "too much", http.StatusRequestEntityTooLarge)
				return
			}
			fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body)
		}))
	})
	return s, at.String()
}

func TestHTTPSharesThePort(t *testing.T) {
	s, at := httpServer(t, ServerOptions{})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 3 {
		res, err := client.Get("http://" + at + "/version?x=1")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != "GET /version?x=1 " {
			t.Errorf("got %q", body)
		}
	}
	if n := s.Stats().Conns; n != 1 {
		t.Errorf("%d connections for three requests, want 1 that is kept alive", n)
	}
	res, err := client.Post("http://"+at+"/p", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if string(body) != "POST /p hello" {
		t.Errorf("got %q", body)
	}
	client.CloseIdleConnections()
	waitFor(t, func() bool { return s.Stats().Conns == 0 })
}

func TestHTTPPipelining(t *testing.T) {
	s, _ := httpServer(t, ServerOptions{})
	c := rawDial(t, s.address())
	for i := range 20 {
		fmt.Fprintf(c, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
	}
	r := bufio.NewReader(c)
	for i := range 20 {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		if want := fmt.Sprintf("GET /%d ", i); string(body) != want {
			t.Fatalf("got %q, want %q", body, want)
		}
	}
}

func TestOnlyGetAndPost(t *testing.T) {
	s, _ := httpServer(t, ServerOptions{})
	for _, verb := range []string{"PUT", "HEAD", "DELETE", "OPTIONS", "GET"} {
		first := rawDial(t, s.address())
		fmt.Fprintf(first, "%s / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", verb)
		if b, _ := io.ReadAll(first); (len(b) > 0) != (verb == "GET") {
			t.Errorf("%s as the first request got %q", verb, b)
		}
		later := rawDial(t, s.address())
		fmt.Fprintf(later, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n%s /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", verb)
		b, _ := io.ReadAll(later)
		if got := strings.Count(string(b), "HTTP/1.1"); !strings.Contains(string(b), "GET /a") || (got == 2) != (verb == "GET") {
			t.Errorf("%s as the second request got %q", verb, b)
		}
	}
}

func TestHTTPLimits(t *testing.T) {
	s, at := httpServer(t, ServerOptions{HTTPBodyBytesMax: 10, HTTPHeaderBytesMax: 4096, ConnsMax: 1})
	res, err := http.Post("http://"+at+"/", "text/plain", strings.NewReader(strings.Repeat("x", 11)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d for a body above the limit", res.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	waitFor(t, func() bool { return s.Stats().Conns == 0 })
	c := rawDial(t, s.address())
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n")
	waitFor(t, func() bool { return s.Stats().Conns == 1 && silent(s) == 0 })
	wantClosed(t, rawDial(t, s.address())) // an HTTP connection counts
	io.WriteString(c, strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 20)+"\r\n")
	line, _ := bufio.NewReader(c).ReadString('\n')
	if !strings.Contains(line, "431") {
		t.Errorf("a header above the limit got %q", line)
	}
}
