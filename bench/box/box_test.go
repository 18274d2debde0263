package box

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program writes a shell script that plays the part of the pegasus program.
func program(t *testing.T, script string) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pegasus")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Options{Executable: path, Dir: t.TempDir(), PlogSync: "none", Partitions: 4}
}

func left(t *testing.T, o Options) int {
	t.Helper()
	entries, err := os.ReadDir(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestOneboxIsStartedAsAskedAndStopped(t *testing.T) {
	o := program(t, `echo "$@"; trap 'exit 0' INT; echo "Pegasus is ready"; while :; do sleep 0.01; done`)
	o.Replicas, o.Sets = 5, []string{"a.b=1"}
	b, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Metas) != 3 || len(b.Replicas) != 5 || left(t, o) != 1 {
		t.Errorf("metas %v, replicas %v, %d directories", b.Metas, b.Replicas, left(t, o))
	}
	for _, want := range []string{"--processes", "--replicas 5", "--plog-sync none", "--table bench:4:3", "--set a.b=1", "--dir " + o.Dir} {
		if !strings.Contains(b.out.String(), want) {
			t.Errorf("the onebox was not started with %s: %s", want, b.out)
		}
	}
	if err := b.Alive(); err != nil {
		t.Error(err)
	}
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
	if b.Alive() == nil {
		t.Error("a stopped box is alive")
	}
	if n := left(t, o); n != 0 {
		t.Errorf("%d directories are left", n)
	}
}

func TestOneboxThatEndsIsQuoted(t *testing.T) {
	o := program(t, `echo tried >>"$0.count"; echo "no such flag"; exit 1`)
	if _, err := Start(context.Background(), o); err == nil || !strings.Contains(err.Error(), "no such flag") {
		t.Errorf("error %v does not say why", err)
	}
	if tries := count(t, o); tries != 1 || left(t, o) != 0 {
		t.Errorf("%d tries, %d directories left", tries, left(t, o))
	}
	o = program(t, `echo tried >>"$0.count"; echo "cannot listen: port 1 is in use"; exit 1`)
	if _, err := Start(context.Background(), o); err == nil || count(t, o) != startTries || left(t, o) != 0 {
		t.Errorf("%v after %d tries, want %d; %d directories left", err, count(t, o), startTries, left(t, o))
	}
}

func count(t *testing.T, o Options) int {
	t.Helper()
	text, err := os.ReadFile(o.Executable + ".count")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

func TestStartCanBeInterrupted(t *testing.T) {
	o := program(t, `trap 'exit 0' INT; while :; do sleep 0.01; done`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Start(ctx, o); err == nil || left(t, o) != 0 {
		t.Errorf("%v, %d directories left", err, left(t, o))
	}
	o.Executable += "-missing"
	if _, err := Start(context.Background(), o); err == nil || left(t, o) != 0 {
		t.Errorf("%v, %d directories left", err, left(t, o))
	}
	o.Replicas = 2
	if _, err := Start(context.Background(), o); err == nil || !strings.Contains(err.Error(), "replica servers") {
		t.Errorf("two replica servers were accepted: %v", err)
	}
}
