package conf

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// A key must not look as if it did something when nobody reads it: it is marked
// is:"pending" then, which makes Load warn and the documentation say so.
func TestPendingKeysAreThoseThatNobodyReads(t *testing.T) {
	read := selectors(t, "..")
	v := reflect.TypeFor[Config]()
	for i := range v.NumField() {
		section, ok := v.Field(i).Tag.Lookup("section")
		if !ok {
			continue
		}
		for j := range v.Field(i).Type.NumField() {
			f := v.Field(i).Type.Field(j)
			pending := f.Tag.Get("is") == "pending"
			if pending && read[f.Name] {
				t.Errorf("[%s] %s is read now: take is:\"pending\" off", section, f.Tag.Get("key"))
			}
			if !pending && !read[f.Name] {
				t.Errorf("[%s] %s is read by nobody: mark it is:\"pending\"", section, f.Tag.Get("key"))
			}
		}
	}
}

var selector = regexp.MustCompile(`\.([A-Z]\w*)`)

// selectors collects the fields and methods that the files name which import this
// package.
func selectors(t *testing.T, root string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "conf" || d.Name() == "gen-go" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if !bytes.Contains(b, []byte(`"github.com/pegasus-go/pegasus/conf"`)) {
			return err // the same name means something else there
		}
		for _, m := range selector.FindAllSubmatch(b, -1) {
			out[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
