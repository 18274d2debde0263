package fuzz

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
)

// Panics is a log handler that notes what a server logs about panics, which it survives.
type Panics struct {
	seen atomic.Pointer[string]
}

// Enabled is part of slog.Handler.
func (p *Panics) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs is part of slog.Handler.
func (p *Panics) WithAttrs([]slog.Attr) slog.Handler { return p }

// WithGroup is part of slog.Handler.
func (p *Panics) WithGroup(string) slog.Handler { return p }

// Handle is part of slog.Handler.
func (p *Panics) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	if !strings.Contains(text, "panic") {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	p.seen.Store(&text)
	return nil
}

// Check fails the test when there was a panic since the last time.
func (p *Panics) Check(t testing.TB, input ...any) {
	t.Helper()
	if text := p.seen.Swap(nil); text != nil {
		t.Fatalf("%q: %s", input, *text)
	}
}
