package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testApp(id, partitions int32) *layer2.AppInfo {
	app := layer2.NewAppInfo()
	app.Status, app.AppType, app.AppName, app.AppID, app.PartitionCount = layer2.AppStatus_AS_AVAILABLE, AppType, "temp", id, partitions
	app.IsStateful, app.MaxReplicaCount, app.InitPartitionCount = true, 3, -1
	app.Envs = map[string]string{"default_ttl": "86400", "rocksdb.allow_ingest_behind": "true", "odd": "a\"b\\c\nü"}
	return app
}

func openTwo(t *testing.T, fs vfs.FS) *Manager {
	t.Helper()
	m, err := Open(Options{FS: fs, DataDirs: "a:/a,b:/b"})
	mustDo(t, err)
	return m
}

// create makes a replica that Scan accepts.
func create(t *testing.T, m *Manager, app, partition int32) string {
	t.Helper()
	dir, err := m.Create(base.Gpid{AppID: app, PartitionIndex: partition}, AppType)
	mustDo(t, err)
	mustDo(t, WriteAppInfo(m.fs, dir, testApp(app, 8)))
	mustDo(t, WriteInitInfo(m.fs, dir, InitInfo{}))
	return dir
}

func TestParseDataDirs(t *testing.T) {
	dirs, err := ParseDataDirs(" ssd1:/home/a/ , ssd2:/home/b:c")
	mustDo(t, err)
	want := []DataDir{{"ssd1", "/home/a"}, {"ssd2", "/home/b:c"}}
	if !slices.Equal(dirs, want) {
		t.Fatalf("%+v", dirs)
	}
	if dirs, err := ParseDataDirs("  "); err != nil || dirs != nil {
		t.Fatalf("%v, %v", dirs, err)
	}
	for _, bad := range []string{"/home/a", "a:", ":/home", "a:/x,", "a:/x,a:/y", "a:/x,b:/x", "a:/x,b:/x/", ","} {
		if dirs, err := ParseDataDirs(bad); err == nil {
			t.Errorf("%q gave %v", bad, dirs)
		}
	}
}

func TestInfoFilesRoundTrip(t *testing.T) {
	fs := vfs.NewMem()
	want := InitInfo{Ballot: 7, DurableDecree: 123456789012, OffsetInPrivateLog: 4}
	mustDo(t, WriteInitInfo(fs, "/", want))
	got, err := ReadInitInfo(fs, "/")
	mustDo(t, err)
	if got != want {
		t.Fatalf("%+v", got)
	}
	app := testApp(2, 8)
	app.Duplicating, app.AtomicIdempotent = true, true
	mustDo(t, WriteAppInfo(fs, "/", app))
	back, err := ReadAppInfo(fs, "/")
	mustDo(t, err)
	if back.String() != app.String() {
		t.Fatalf("%v\n%v", back, app)
	}
}

func TestInfoFilesAsACppServerWritesThem(t *testing.T) {
	fs := vfs.NewMem()
	write := func(name, text string) { mustDo(t, writeFile(fs, "/"+name, []byte(text))) }
	write(InitInfoFile, `{"init_ballot":3,"init_durable_decree":10,"init_offset_in_shared_log":0,"init_offset_in_private_log":1234}`)
	init, err := ReadInitInfo(fs, "/")
	mustDo(t, err)
	if init != (InitInfo{Ballot: 3, DurableDecree: 10, OffsetInPrivateLog: 1234}) {
		t.Fatalf("%+v", init)
	}
	json := `{"0":{"rec":{"1":{"i32":1},"2":{"str":"pegasus"},"3":{"str":"shtab"},"4":{"i32":4},"5":{"i32":16},` +
		`"6":{"map":["str","str",1,{"rocksdb.allow_ingest_behind":"false"}]},"7":{"tf":1},"8":{"i32":3},"9":{"i64":0},` +
		`"10":{"i64":1700000000},"11":{"i64":0},"12":{"tf":0},"13":{"i32":16},"14":{"tf":0},"99":{"lst":["i32",2,7,8]}}}}`
	write(AppInfoFile, string(appInfoMagic)+json)
	app, err := ReadAppInfo(fs, "/")
	mustDo(t, err)
	if app.AppName != "shtab" || app.AppID != 4 || app.PartitionCount != 16 || !app.IsStateful || app.CreateSecond != 1700000000 ||
		app.Envs["rocksdb.allow_ingest_behind"] != "false" || app.InitPartitionCount != 16 {
		t.Fatalf("%v", app)
	}
	encoded, err := encodeAppInfo(testApp(2, 8))
	mustDo(t, err)
	if !strings.HasPrefix(string(encoded), string(appInfoMagic)+`{"0":{"rec":{"1":{"i32":1},"2":{"str":"pegasus"},`) {
		t.Fatalf("%q", encoded)
	}
}

func TestBadInfoFiles(t *testing.T) {
	fs := vfs.NewMem()
	good, err := encodeAppInfo(testApp(2, 8))
	mustDo(t, err)
	for n := range len(good) {
		if _, err := decodeAppInfo(good[:n]); err == nil {
			t.Errorf("app info cut at %d of %d is accepted", n, len(good))
		}
	}
	if _, err := ReadAppInfo(fs, "/"); !errors.Is(err, ErrBadInfo) {
		t.Errorf("missing app info: %v", err)
	}
	for _, text := range []string{"", "{}", `{"init_ballot":1}`, `{"init_ballot":"x","init_durable_decree":0}`, `[1]`} {
		mustDo(t, writeFile(fs, "/"+InitInfoFile, []byte(text)))
		if _, err := ReadInitInfo(fs, "/"); !errors.Is(err, ErrBadInfo) {
			t.Errorf("init info %q: %v", text, err)
		}
	}
}

// Invariant 25 of replica.md: at any crash point the info files can be read, old or new.
func TestInfoFilesSurviveACrashAtEveryCall(t *testing.T) {
	mem := vfs.NewCrashableMem()
	mustDo(t, mem.MkdirAll("/r", 0o755))
	mustDo(t, syncDir(mem, "/"))
	points := 0
	lo := InitInfo{Ballot: 0}
	mustDo(t, WriteInitInfo(mem, "/r", lo))
	next := lo
	check := func() {
		points++
		got, err := ReadInitInfo(mem.CrashClone(vfs.CrashCloneCfg{}), "/r")
		if err != nil || got != lo && got != next {
			t.Errorf("point %d: %+v, %v, want %+v or %+v", points, got, err, lo, next)
		}
	}
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			check()
		}
		return nil
	}))
	for b := int64(1); b <= 5; b++ {
		next = InitInfo{Ballot: b, DurableDecree: b * 100}
		mustDo(t, WriteInitInfo(fs, "/r", next))
		lo = next
		check()
	}
	if points < 20 {
		t.Fatalf("%d points", points)
	}
}

func TestPlacement(t *testing.T) {
	m := openTwo(t, vfs.NewMem())
	for i := range int32(4) { // app 1: evenly
		dir := create(t, m, 1, i)
		if want := []string{"a", "b"}[i%2]; m.TagOf(dir) != want {
			t.Errorf("1.%d is on %s", i, m.TagOf(dir))
		}
	}
	create(t, m, 2, 0) // a
	if dir := create(t, m, 3, 0); m.TagOf(dir) != "b" {
		t.Errorf("3.0 is on %s, the fuller disk", m.TagOf(dir))
	}
	if dir := create(t, m, 2, 1); m.TagOf(dir) != "b" {
		t.Errorf("2.1 is on %s with 2.0", m.TagOf(dir))
	}
	broken, _ := m.Find(base.Gpid{AppID: 2, PartitionIndex: 1})
	m.MarkBroken(broken)
	if m.Writable(broken) || m.StatusOf(broken).Code() != base.ErrDiskIOError {
		t.Error("a broken disk takes writes")
	}
	if _, ok := m.Find(base.Gpid{AppID: 2, PartitionIndex: 1}); ok {
		t.Error("a replica on a broken disk is found")
	}
	if dir := create(t, m, 2, 1); m.TagOf(dir) != "a" {
		t.Errorf("2.1 is created anew on %s", m.TagOf(dir))
	}
	if _, err := m.Create(base.Gpid{AppID: 2, PartitionIndex: 1}, AppType); !errors.Is(err, base.ErrPathAlreadyExist) {
		t.Errorf("second directory of a replica: %v", err)
	}
	m.MarkBroken("/a/replica/reps/1.0.pegasus")
	if _, err := m.Create(base.Gpid{AppID: 9}, AppType); !errors.Is(err, base.ErrDiskInsufficient) {
		t.Errorf("create without a disk: %v", err)
	}
}

func TestSpace(t *testing.T) {
	fs := vfs.NewMem()
	set := func(percent uint64) {
		fs.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, AvailBytes: percent * 10 << 20})
	}
	set(50)
	m := openTwo(t, fs)
	dir := create(t, m, 1, 0)
	for _, c := range []struct {
		percent uint64
		want    Status
	}{{11, Normal}, {10, Normal}, {9, SpaceInsufficient}, {0, SpaceInsufficient}, {10, Normal}} {
		set(c.percent)
		m.UpdateSpace()
		if got := m.StatusOf(dir); got != c.want || m.Disks()[0].AvailablePercent() != int64(c.percent) {
			t.Errorf("%d %% available: %s", c.percent, got)
		}
	}
	m.MarkBroken(dir)
	set(50)
	m.UpdateSpace()
	if m.StatusOf(dir) != IOError {
		t.Error("a broken disk recovered")
	}
	if m.CapacityMB() != 2000 {
		t.Errorf("capacity %d", m.CapacityMB())
	}
}

func scan(t *testing.T, m *Manager) string {
	t.Helper()
	found, err := m.Scan()
	mustDo(t, err)
	var dirs []string
	for _, f := range found {
		if dir, ok := m.Find(f.Gpid); !ok || dir != f.Dir {
			t.Errorf("%s: found as %s, scanned as %s", f.Gpid, dir, f.Dir)
		}
		dirs = append(dirs, f.Gpid.String()+"@"+m.TagOf(f.Dir))
	}
	return strings.Join(dirs, " ")
}

func TestScan(t *testing.T) {
	fs := vfs.NewMem()
	m := openTwo(t, fs)
	for i := range int32(5) {
		create(t, m, 1, i)
	}
	mustDo(t, m.Close())
	for _, dir := range []string{
		"/a/replica/reps/7.0.pegasus.1700000000000000.err", "/a/replica/reps/7.1.pegasus.gar", "/b/replica/reps/1.0.pegasus.bak",
		"/b/replica/reps/1.1.pegasus.disk.migrate.tmp", "/b/replica/reps/lost+found", "/b/replica/reps/01.4.pegasus", "/b/replica/reps/5.0.pegasus",
	} {
		mustDo(t, fs.MkdirAll(dir, 0o755))
	}
	split := "/a/replica/reps/1.8.pegasus" // table 1 has 8 partitions
	mustDo(t, fs.MkdirAll(split, 0o755))
	mustDo(t, WriteAppInfo(fs, split, testApp(1, 8)))
	stranger := "/a/replica/reps/6.0.pegasus"
	mustDo(t, fs.MkdirAll(stranger, 0o755))
	mustDo(t, WriteAppInfo(fs, stranger, testApp(1, 8)))

	m = openTwo(t, fs)
	if got := scan(t, m); got != "1.0@a 1.1@b 1.2@a 1.3@b 1.4@a" {
		t.Fatalf("found %s", got)
	}
	names, err := fs.List("/b/replica/reps")
	mustDo(t, err)
	if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "5.0.pegasus.") && strings.HasSuffix(n, ".err") }) {
		t.Errorf("a directory without .app-info is not set aside: %v", names)
	}
	if _, err := fs.Stat(split); err != nil {
		t.Errorf("garbage of a split: %v", err)
	}
	mustDo(t, fs.MkdirAll("/b/replica/reps/1.2.pegasus", 0o755))
	if _, err := m.Scan(); err == nil || !strings.Contains(err.Error(), "/a/replica/reps/1.2.pegasus and in /b/replica/reps/1.2.pegasus") {
		t.Errorf("two directories of one replica: %v", err)
	}
}

func TestScanPutsAnInterruptedMigrationBack(t *testing.T) {
	fs := vfs.NewMem()
	m := openTwo(t, fs)
	dir := create(t, m, 1, 0)
	mustDo(t, m.Close())
	mustDo(t, fs.Rename(dir, dir+SuffixMigrateOrigin))
	mustDo(t, fs.MkdirAll("/b/replica/reps/1.0.pegasus"+SuffixMigrateTmp, 0o755))
	m = openTwo(t, fs)
	if got := scan(t, m); got != "1.0@a" {
		t.Fatalf("found %s", got)
	}
}

func TestMoveAsideAndClean(t *testing.T) {
	root := t.TempDir()
	now := time.Now()
	m, err := Open(Options{DataDirs: "d:" + root, Now: func() time.Time { return now }})
	mustDo(t, err)
	defer m.Close()
	dir := create(t, m, 1, 0)
	moved, err := m.MoveAside(dir, SuffixError)
	mustDo(t, err)
	if _, ok := m.Find(base.Gpid{AppID: 1}); ok || moved != fmt.Sprintf("%s.%d.err", dir, now.UnixMicro()) {
		t.Fatalf("moved to %s", moved)
	}
	if _, err := m.MoveAside(dir, "..x"); err == nil {
		t.Error("any suffix is accepted")
	}
	if _, err := m.MoveAside("/etc", SuffixGarbage); err == nil {
		t.Error("any directory is accepted")
	}
	dir = create(t, m, 1, 0)
	_, err = m.MoveAside(dir, SuffixGarbage)
	mustDo(t, err)
	reps := filepath.Dir(dir)
	for _, name := range []string{"1.1.pegasus.bak", "1.2.pegasus.disk.migrate.tmp", "1.3.pegasus.disk.migrate.ori", "1.4.pegasus.77.gar", "1.5.pegasus"} {
		mustDo(t, os.Mkdir(filepath.Join(reps, name), 0o755))
	}
	after := func(d time.Duration) int {
		now = now.Add(d)
		removed, err := m.Clean()
		mustDo(t, err)
		return len(removed)
	}
	const day = 24 * time.Hour
	if n := after(day - time.Minute); n != 0 {
		t.Errorf("%d removed within a day", n)
	}
	if n := after(2 * time.Minute); n != 3 { // both .gar and .tmp
		t.Errorf("%d removed after a day", n)
	}
	if n := after(6*day - 2*time.Minute); n != 0 {
		t.Errorf("%d removed within a week", n)
	}
	if n := after(10 * time.Minute); n != 2 { // .err and .ori
		t.Errorf("%d removed after a week", n)
	}
	after(1000 * day)
	for _, name := range []string{"1.1.pegasus.bak", "1.5.pegasus"} {
		if _, err := os.Stat(filepath.Join(reps, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCreateSetsALeftoverDirectoryAside(t *testing.T) {
	fs := vfs.NewMem()
	m := openTwo(t, fs)
	mustDo(t, fs.MkdirAll("/a/replica/reps/1.0.pegasus/data", 0o755))
	dir := create(t, m, 1, 0)
	names, err := fs.List(dir)
	mustDo(t, err)
	if slices.Contains(names, "data") {
		t.Fatal("old data in a new replica")
	}
	mustDo(t, m.Remove(dir))
	if _, ok := m.Find(base.Gpid{AppID: 1}); ok {
		t.Fatal("a removed replica is found")
	}
}

func TestADirectoryBelongsToOneServer(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"mem": vfs.NewMem(), "os": vfs.Default} {
		o := Options{FS: fs, DataDirs: "a:" + t.TempDir()}
		m, err := Open(o)
		mustDo(t, err)
		_, err = Open(o)
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
			t.Errorf("%s: second open: %v", name, err)
		}
		mustDo(t, m.Close())
		m, err = Open(o)
		mustDo(t, err)
		mustDo(t, m.Close())
	}
}

func TestBrokenAndBlackListedDirectories(t *testing.T) {
	mem := vfs.NewMem()
	mustDo(t, writeFile(mem, "/black", []byte("\n/b/\n/nowhere\n")))
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasPrefix(op.Path, "/a/") && op.Kind == errorfs.OpFileSync {
			return errorfs.ErrInjected
		}
		return nil
	}))
	o := Options{FS: fs, DataDirs: "a:/a,b:/b,c:/c", BlackListFile: "/black"}
	m, err := Open(o)
	mustDo(t, err)
	if d := m.Disks(); len(d) != 1 || d[0].Tag != "c" {
		t.Fatalf("%+v", d)
	}
	mustDo(t, m.Close())
	o.FailOnBrokenDisk = true
	if _, err := Open(o); !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("broken disk: %v", err)
	}
	o.FailOnBrokenDisk, o.DataDirs = false, "a:/a,b:/b"
	if _, err := Open(o); !errors.Is(err, errorfs.ErrInjected) {
		t.Errorf("only broken disks: %v", err)
	}
}

func TestAddDisks(t *testing.T) {
	fs := vfs.NewMem()
	m := openTwo(t, fs)
	mustDo(t, fs.MkdirAll("/full/x", 0o755))
	for text, want := range map[string]base.ErrorCode{
		"": base.ErrInvalidParameters, "c": base.ErrInvalidParameters, "a:/c": base.ErrNodeAlreadyExist,
		"c:/a": base.ErrNodeAlreadyExist, "c:/full": base.ErrDirNotEmpty,
	} {
		var code base.ErrorCode
		if err := m.AddDisks(text); !errors.As(err, &code) || code != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	mustDo(t, m.AddDisks("c:/c"))
	if d := m.Disks(); len(d) != 3 || d[2].Tag != "c" {
		t.Fatalf("%+v", d)
	}
}
