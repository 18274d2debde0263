package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Limits of asking servers for their figures.
const (
	metricsBytesMax   = 64 << 20
	metricsTimeout    = 10 * time.Second
	metricsConcurrent = 16
	sampleDefault     = 1000 * time.Millisecond
)

// sample is one answer of GET /metrics (ops.md 6.1), as far as it is read here.
type sample struct {
	Timestamp int64 `json:"timestamp_ns"`
	Entities  []struct {
		Type       string            `json:"type"`
		ID         string            `json:"id"`
		Attributes map[string]string `json:"attributes"`
		Metrics    []map[string]any  `json:"metrics"`
	} `json:"entities"`
}

// fetchMetrics asks one server.
func fetchMetrics(ctx context.Context, addr string, query url.Values) (*sample, error) {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s serves no metrics: %w", addr, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s serves no metrics: %s", addr, resp.Status)
	}
	var s sample
	if err := json.NewDecoder(io.LimitReader(resp.Body, metricsBytesMax)).Decode(&s); err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", addr, err)
	}
	return &s, nil
}

// fetchAll asks several servers at once; the answers have the order of addrs.
func fetchAll(ctx context.Context, addrs []string, query url.Values) ([]*sample, error) {
	out := make([]*sample, len(addrs))
	slots := make(chan struct{}, metricsConcurrent)
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for i, a := range addrs {
		slots <- struct{}{}
		wg.Go(func() {
			s, err := fetchMetrics(ctx, a, query)
			if err != nil {
				once.Do(func() { first = err })
			}
			out[i] = s
			<-slots
		})
	}
	wg.Wait()
	return out, first
}

// sum adds a metric's field up over the entities of a type that pass keep (nil: all).
func (s *sample) sum(entityType, metric, field string, keep func(attributes map[string]string) bool) float64 {
	var total float64
	for _, e := range s.Entities {
		if e.Type != entityType || (keep != nil && !keep(e.Attributes)) {
			continue
		}
		for _, m := range e.Metrics {
			if v, ok := m[field].(float64); ok && m["name"] == metric {
				total += v
			}
		}
	}
	return total
}

// has tells an absent metric from one that is 0.
func (s *sample) has(metric string) bool {
	for _, e := range s.Entities {
		for _, m := range e.Metrics {
			if m["name"] == metric {
				return true
			}
		}
	}
	return false
}

// rate is how much a counter grew a second between two samples.
func rate(before, after *sample, metric string) float64 {
	seconds := float64(after.Timestamp-before.Timestamp) / 1e9
	if seconds <= 0 {
		return 0
	}
	return (after.sum("replica", metric, "value", nil) - before.sum("replica", metric, "value", nil)) / seconds
}

// sampleInterval reads -i.
func sampleInterval(p *parsed) (time.Duration, error) {
	ms, err := p.number("sample_interval_ms", sampleDefault.Milliseconds())
	if err == nil && ms <= 0 {
		err = fmt.Errorf("sample_interval_ms should be > 0")
	}
	return time.Duration(ms) * time.Millisecond, err
}

// decimal2 is a figure as tables show it.
func decimal2(v float64) string {
	if v < 1e-6 && v > -1e-6 {
		return "0.00"
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
