package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica"
	"github.com/pegasus-go/pegasus/replica/disk"
)

// onRecord calls itself with each message.
type onRecord func(message string)

func (f onRecord) Enabled(context.Context, slog.Level) bool      { return true }
func (f onRecord) Handle(_ context.Context, r slog.Record) error { f(r.Message); return nil }
func (f onRecord) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f onRecord) WithGroup(string) slog.Handler                 { return f }
func testReplica(t *testing.T, dir string, log onRecord) replica.Options {
	return replica.Options{
		Listen: "127.0.0.1:0", Metas: []base.RPCAddress{base.AddressOf(127<<24|1, 1)}, DefaultDataDir: dir, Logger: slog.New(log),
	}
}

// TestServerWaitsForTheDirectoriesOfADyingOne starts a server while another one, which is about to end, has the directories.
func TestServerWaitsForTheDirectoriesOfADyingOne(t *testing.T) {
	dir := t.TempDir()
	dying, err := replica.NewServer(testReplica(t, dir, func(string) {}))
	if err != nil {
		t.Fatal(err)
	}
	waited := false
	next, err := openReplica(testReplica(t, dir, func(message string) {
		if message == "wait for the data directories" {
			waited = true
			if err := dying.Close(); err != nil {
				t.Error(err)
			}
		}
	}), time.Minute)
	if err != nil || !waited {
		t.Fatalf("%v, waited %v", err, waited)
	}
	if _, err := openReplica(testReplica(t, dir, func(string) {}), 0); !errors.Is(err, disk.ErrInUse) {
		t.Errorf("a third one beside the second: %v", err)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}
