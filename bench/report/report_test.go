package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyTheSectionIsReplaced(t *testing.T) {
	page := "# A\n<!-- x:begin -->\nold\n<!-- x:end -->\nrest <!-- y:begin -->keep<!-- y:end -->\n"
	got, err := ReplaceSection(page, "x", "\n| new |\n\n")
	want := "# A\n<!-- x:begin -->\n| new |\n<!-- x:end -->\nrest <!-- y:begin -->keep<!-- y:end -->\n"
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	if again, err := ReplaceSection(got, "x", "| new |"); err != nil || again != want {
		t.Errorf("a second time: %v\n%s", err, again)
	}
}

func TestPagesWithoutTheirMarkersAreRefused(t *testing.T) {
	for _, page := range []string{
		"", "<!-- x:begin -->", "<!-- x:end --><!-- x:begin -->", "<!-- x:begin --><!-- x:begin --><!-- x:end -->", "<!-- y:begin --><!-- y:end -->",
	} {
		if got, err := ReplaceSection(page, "x", "new"); err == nil || got != "" {
			t.Errorf("%q became %q", page, got)
		}
	}
}

func TestPageOnDiskKeepsTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := CheckSection(path, "x"); err == nil {
		t.Error("a page that does not exist has a section")
	}
	if err := os.WriteFile(path, []byte("a\n<!-- x:begin -->\n<!-- x:end -->\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteSection(path, "y", "new"); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v of a missing section does not name the page", err)
	}
	if err := CheckSection(path, "x"); err != nil {
		t.Error(err)
	}
	if err := WriteSection(path, "x", "new"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n" {
		t.Errorf("%v: %q", err, text)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("files are left over: %v", left)
	}
}

func TestFilesystemOfADirectory(t *testing.T) {
	mounts := []byte(`22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw
30 27 0:30 / /tmp rw - tmpfs tmpfs rw
31 27 8:1 / /mnt/my\040disk rw - xfs /dev/sdb1 rw
32 27 8:2 / /mnt/over rw - ext3 /dev/sdc1 rw
33 27 8:3 / /mnt/over rw - btrfs /dev/sdd1 rw
not a line
`)
	for path, want := range map[string]string{
		"/": "ext4", "/home/x": "ext4", "/tmp": "tmpfs", "/tmp/a/b": "tmpfs", "/tmpx": "ext4", "/mnt/my disk/d": "xfs", "/mnt/over/d": "btrfs",
	} {
		if got, err := filesystemOf(mounts, path); err != nil || got != want {
			t.Errorf("%s is on %s (%v), want %s", path, got, err, want)
		}
	}
	if _, err := filesystemOf(nil, "/"); err == nil {
		t.Error("a file system was found among no mounts")
	}
}

func TestMachineIsDescribed(t *testing.T) {
	cpuinfo := []byte("processor\t: 0\nmodel name\t: Some CPU @ 2: fast\nprocessor\t: 1\nmodel name\t: Other\n")
	if got := valueOf(cpuinfo, "model name"); got != "Some CPU @ 2: fast" {
		t.Errorf("model %q", got)
	}
	if got := valueOf(nil, "model name"); got != unknown {
		t.Errorf("model %q of no text", got)
	}
	if _, err := os.Stat("/proc/meminfo"); err != nil {
		t.Skip("this system has no /proc")
	}
	m := LookAtMachine(t.TempDir())
	if m.Cores < 1 || m.Kernel == unknown || m.MemoryGB <= 0 || m.CPU == "" || m.Filesystem == "" {
		t.Errorf("%+v", m)
	}
	if text := (Build{Version: "0.1.0", Commit: "0123456789abcdef", Changed: true, Go: "go1"}).String(); text != "Pegasus-Go 0.1.0, commit `0123456789ab` with changes, go1" {
		t.Errorf("build %q", text)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 4.567: "4.57", 99.94: "99.9", 123.4: "123", 1234: "1,234", 9876543: "9,876,543"} {
		if got := Figure(v); got != want {
			t.Errorf("%g is written %q, want %q", v, got, want)
		}
	}
	if got := Thousands(-1234); got != "-1,234" {
		t.Errorf("-1234 is written %q", got)
	}
	values := []float64{5, 1, 9}
	if Median(values) != 5 || values[0] != 5 || Median(values[:2]) != 3 || Median(nil) != 0 {
		t.Error("wrong medians, or the values were reordered")
	}
}
