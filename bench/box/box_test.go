package box

import (
	"context"
	"errors"
	"fmt"
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
	if err := b.Close(nil); err != nil {
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

// A onebox that fails leaves its logs, and nothing of its data.
func TestLogsOfAFailureAreKept(t *testing.T) {
	o := program(t, `[ "$2" = stop ] && exit 0
mkdir -p "$4/replica1/data"; echo why >"$4/replica1/pegasus.log"; echo x >"$4/replica1/data/000002.log"; echo "replica1 ended by itself"; exit 1`)
	_, err := Start(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "replica1 ended by itself") {
		t.Fatalf("error %v does not say why", err)
	}
	_, home, found := strings.Cut(err.Error(), "the servers' logs are kept in ")
	if text, err := os.ReadFile(filepath.Join(home, "replica1", "pegasus.log")); !found || err != nil || string(text) != "why\n" {
		t.Errorf("log %q in %q (%v)", text, home, err)
	}
	if _, err := os.Stat(filepath.Join(home, "replica1", "data", "000002.log")); !os.IsNotExist(err) {
		t.Errorf("data was kept (%v)", err)
	}
}

func TestMeasurementThatFailsKeepsTheLogs(t *testing.T) {
	for failed, kept := range map[error]int{nil: 0, context.Canceled: 0, errors.New("timeout"): 1} {
		o := program(t, `[ "$2" = stop ] && exit 0
mkdir -p "$4"; trap 'exit 0' INT; echo "Pegasus is ready"; while :; do sleep 0.01; done`)
		b, err := Start(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		err = b.Close(failed)
		if !errors.Is(err, failed) || left(t, o) != kept || (kept > 0) != strings.Contains(fmt.Sprint(err), o.Dir) {
			t.Errorf("after %v: %v, %d directories left", failed, err, left(t, o))
		}
	}
}

func TestServersAreHarmedByName(t *testing.T) {
	o := program(t, `echo "$2 $3" >>"$0.count"; [ "$2" = --processes ] || exit 0
trap 'exit 0' INT; echo "Pegasus is ready"; while :; do sleep 0.01; done`)
	o.Replicas, o.Copies = 1, 1
	b, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := errors.Join(b.KillServer(ctx, 1), b.StartServer(ctx, 1), b.StopServer(ctx, 1), b.Close(nil)); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(o.Executable + ".count")
	if err != nil || !strings.HasSuffix(string(text), "kill replica1\nstart replica1\nstop replica1\n") {
		t.Errorf("commands %q (%v)", text, err)
	}
}

func TestOpenFilesAreCountedBeforeTheStart(t *testing.T) {
	o := Options{Partitions: 1 << 30, Replicas: 3}
	if err := o.check(); err == nil || !strings.Contains(err.Error(), "ulimit") {
		t.Errorf("error %v", err)
	}
	if o = (Options{Partitions: 8}); o.check() != nil || o.Replicas != 3 || o.Copies != 3 {
		t.Errorf("%+v", o)
	}
}

func TestReasonsAreFoundInTheOutput(t *testing.T) {
	for want, text := range map[string]string{
		"pegasus: bad key":  "Starting ...\nmeta1, process 1, ended (exit status 1). Start it again: x\n  pegasus: bad key\nStopping ...\npegasus: meta1 ended by itself\nThe logs are in d\n",
		"pegasus: no room":  "Starting ...\npegasus: no room\nThe logs are in d\n",
		"panic: index":      "a, ended\n  pegasus: warning\n  panic: index\npegasus: a ended by itself\n",
		"exec format error": "exec format error\n",
		"":                  "",
	} {
		if got := reasonIn(text); got != want {
			t.Errorf("reason %q, want %q", got, want)
		}
	}
}

func TestBriefReasonsNameTheLogs(t *testing.T) {
	if got := Brief("it ended: why\nIt said:\nmuch\nthe servers' logs are kept in /d\nmore"); got != "it ended: why (the servers' logs are kept in /d)" {
		t.Errorf("%q", got)
	}
	if got := Brief("it ended\nmore"); got != "it ended" {
		t.Errorf("%q", got)
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
