package soak

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	pageTimeout  = 10 * time.Second
	pageBytesMax = 64 << 20
)

// Sample is one look at a process.
type Sample struct {
	At         time.Duration // since the watch began; Look leaves it to the caller
	RSSBytes   float64
	FDs        float64
	Threads    float64
	Goroutines float64
	HeapBytes  float64 // allocated after a garbage collection
}

// Look takes a sample of a server's process; address is where it serves HTTP. It forces a garbage collection.
func Look(ctx context.Context, pid int, address string) (Sample, error) {
	var s Sample
	heap, err := page(ctx, address, "/pprof/heap?gc=1&debug=1")
	if err != nil {
		return s, err
	}
	if s.HeapBytes, err = number(heap, `(?m)^# HeapAlloc = (\d+)`); err != nil {
		return s, err
	}
	goroutines, err := page(ctx, address, "/pprof/goroutine?debug=1")
	if err != nil {
		return s, err
	}
	if s.Goroutines, err = number(goroutines, `^goroutine profile: total (\d+)`); err != nil {
		return s, err
	}
	return s, s.fromProc(pid)
}

func (s *Sample) fromProc(pid int) error {
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return fmt.Errorf("descriptors: %w", err)
	}
	s.FDs = float64(len(fds))
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		n, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			s.RSSBytes = n * 1024
		case "Threads":
			s.Threads = n
		}
	}
	if s.RSSBytes == 0 || s.Threads == 0 {
		return fmt.Errorf("process %d has no memory: it is ending", pid)
	}
	return nil
}

func page(ctx context.Context, address, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return "", err
	}
	req.Close = true // no connection stays between samples
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, pageBytesMax))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s%s: %s", address, path, resp.Status)
	}
	return string(body), err
}

func number(text, pattern string) (float64, error) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("no %s in %.200q", pattern, text)
	}
	return strconv.ParseFloat(m[1], 64)
}
