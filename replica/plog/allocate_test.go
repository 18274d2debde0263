package plog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A log on a real disk whose process is killed ends in reserved space, not in written bytes.
func TestReservedSpaceIsNotTakenForEntries(t *testing.T) {
	dir := t.TempDir()
	o := Options{PreallocBytes: 64 << 10, FileBytesMax: 200 << 10}
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const count = 300
	data := bytes.Repeat([]byte("x"), 1000)
	for d := int64(1); d <= count; d++ {
		done := make(chan error, 1)
		l.Append([]Entry{{Ballot: 1, Decree: d, Data: data}}, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	var size int64
	names, _ := filepath.Glob(filepath.Join(killed, "plog.*"))
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size < l.Bytes()+1<<10 {
		t.Logf("this file system reserves no space: %d bytes for %d of log", size, l.Bytes())
	}
	again, err := Open(killed, o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	next := int64(1)
	err = again.Replay(0, func(e Entry) error {
		if e.Decree != next || !bytes.Equal(e.Data, data) {
			return fmt.Errorf("decree %d with %d bytes, want %d", e.Decree, len(e.Data), next)
		}
		next++
		return nil
	})
	if err != nil || next != count+1 {
		t.Fatalf("replayed up to %d: %v", next-1, err)
	}
}
