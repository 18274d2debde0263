package seeded

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// logHandler shows what servers log in the trace, beside the hash: an error's text may name what is
// not the same on every machine. Some messages must never appear.
type logHandler struct {
	c     *cluster
	name  string
	over  *atomic.Bool // the life that logs is over
	attrs []slog.Attr
}

// forbidden are beginnings of messages that say the program is wrong.
var forbidden = []string{"request was answered twice", "job panicked", "read panicked", "rpc: callback panicked", "meta: stepping down"}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool {
	return !h.over.Load() && (h.c.opts.Logs || l >= slog.LevelError)
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-9s %s: %s", h.name, r.Level, r.Message)
	panicked := false
	add := func(a slog.Attr) bool {
		panicked = panicked || a.Key == "reason" && a.Value.String() == "panic"
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	h.c.w.trace.comment(h.c.w.now, b.String())
	for _, f := range forbidden {
		if strings.HasPrefix(r.Message, f) && (f != "meta: stepping down" || panicked) {
			h.c.w.post(nil, func() { h.c.w.fail("%s", b.String()) })
		}
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{c: h.c, name: h.name, over: h.over, attrs: append(append([]slog.Attr{}, h.attrs...), attrs...)}
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(string) slog.Handler { return h }
