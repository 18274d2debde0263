package faultfs

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// BenchmarkAppendSync is a log: 100 bytes, then a sync.
func BenchmarkAppendSync(b *testing.B) {
	d := New(Options{})
	f := create(b, d, "/log")
	buf := make([]byte, 100)
	for range b.N {
		if _, err := f.Write(buf); err != nil {
			b.Fatal(err)
		}
		if err := f.SyncData(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPebble opens a store, writes a table and closes it, here and on Pebble's own memory file system.
func BenchmarkPebble(b *testing.B) {
	for _, fs := range []struct {
		name string
		make func() vfs.FS
	}{{"disk", func() vfs.FS { return New(Options{}) }}, {"memfs", func() vfs.FS { return vfs.NewCrashableMem() }}} {
		b.Run(fs.name, func(b *testing.B) {
			for range b.N {
				db, err := pebble.Open("/db", &pebble.Options{FS: fs.make(), DisableWAL: true, Logger: quiet{}})
				if err != nil {
					b.Fatal(err)
				}
				for k := range 100 {
					if err := db.Set([]byte{byte(k)}, make([]byte, 100), pebble.NoSync); err != nil {
						b.Fatal(err)
					}
				}
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) {}
