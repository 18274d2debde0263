package disk

import (
	"errors"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/internal/fuzz"
)

// FuzzAppInfo reads a table's description: memory is bounded, and what is read is the same after it was
// written by this program.
func FuzzAppInfo(f *testing.F) {
	good, err := encodeAppInfo(testApp(2, 8))
	mustDo(f, err)
	f.Add(good[len(appInfoMagic):])
	f.Add([]byte(`{"0":{"rec":{"4":{"i32":1},"5":{"i32":1},"6":{"map":["str","str",1,{"a":"b"}]},"7":{"tf":1}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		text := append(slices.Clone(appInfoMagic), b...)
		fuzz.Bounded(t, len(b), func() { _, _ = decodeAppInfo(text) })
		app, err := decodeAppInfo(text)
		if err != nil {
			return
		}
		if app.AppID <= 0 || app.PartitionCount <= 0 {
			t.Fatalf("table %d with %d partitions", app.AppID, app.PartitionCount)
		}
		again, err := encodeAppInfo(app)
		mustDo(t, err)
		if app2, err := decodeAppInfo(again); err != nil || !app2.Equals(app) {
			t.Fatalf("%s\n%v became %v (%v)", b, app, app2, err)
		}
	})
}

// FuzzInitInfo reads what a replica promised: damage is told from an unreadable disk, and what is read
// is the same after it was written.
func FuzzInitInfo(f *testing.F) {
	for _, s := range []string{
		`{"init_ballot":3,"init_durable_decree":7,"init_offset_in_shared_log":0,"init_offset_in_private_log":0}`,
		`{"init_ballot":null,"init_durable_decree":7}`, `{"init_ballot":1e3,"init_durable_decree":-1}`, "", "{}", "[]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		mustDo(t, fs.MkdirAll("/r", 0o755))
		mustDo(t, writeFile(fs, fs.PathJoin("/r", InitInfoFile), slices.Clone(b)))
		var info InitInfo
		var err error
		fuzz.Bounded(t, len(b), func() { info, err = ReadInitInfo(fs, "/r") })
		if err != nil {
			if !errors.Is(err, ErrBadInfo) {
				t.Fatalf("an error without a class: %v", err)
			}
			return
		}
		mustDo(t, WriteInitInfo(fs, "/r", info))
		if again, err := ReadInitInfo(fs, "/r"); err != nil || again != info {
			t.Fatalf("%+v became %+v (%v)", info, again, err)
		}
	})
}

// FuzzDirNames reads the names of directories: a replica has one name only.
func FuzzDirNames(f *testing.F) {
	for _, s := range []string{"1.2.pegasus", "01.2.pegasus", "1.2.pegasus.1700000000000000.err", "1.2.pegasus.gar", "..", "1.2.pegasus.disk.migrate.tmp"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		stem, suffix := splitSuffix(name)
		if stem+suffix != name {
			t.Fatalf("%q is %q and %q", name, stem, suffix)
		}
		if when, ok := timeInName(stem); ok && when.UnixMicro() < timeInNameMinUs {
			t.Fatalf("%q: %v", name, when)
		}
		if g, typ, ok := parseDirName(name); ok && (DirName(g, typ) != name || g.AppID <= 0 || g.PartitionIndex < 0) {
			t.Fatalf("%q is %v of type %q", name, g, typ)
		}
	})
}
