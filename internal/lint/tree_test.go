package lint

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the top of the checkout, seen from this package's directory.
const root = "../.."

// modulePath is the prefix of imports that are ours.
const modulePath = "github.com/pegasus-go/pegasus/"

// skippedDirs hold no source of this project.
var skippedDirs = map[string]bool{
	"bin": true, "onebox": true, "node_modules": true, "target": true, "venv": true, "__pycache__": true, "testdata": true,
}

// textFiles returns the paths, relative to the root and with slashes, of all files for which keep says yes.
func textFiles(t *testing.T, keep func(path string) bool) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // a test elsewhere removed its scratch file meanwhile
			}
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			hidden := strings.HasPrefix(name, ".") && path != root && name != ".ci"
			if hidden || skippedDirs[name] {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if rel = filepath.ToSlash(rel); keep(rel) {
			found = append(found, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the checkout: %v", err)
	}
	if len(found) == 0 {
		t.Fatal("found no files: the walk is broken")
	}
	return found
}

func isGo(path string) bool     { return strings.HasSuffix(path, ".go") }
func isGoTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

func readFile(t *testing.T, rel string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(rel)))
	if err != nil {
		t.Fatalf("read %s: %v", rel, err)
	}
	return data
}

// isGenerated tells whether a Go source says of itself that a generator wrote it.
func isGenerated(src []byte) bool {
	head, _, _ := bytes.Cut(append([]byte("\n"), src...), []byte("\npackage "))
	return bytes.Contains(head, []byte("// Code generated ")) && bytes.Contains(head, []byte("DO NOT EDIT"))
}

// source is one parsed Go file.
type source struct {
	path string // relative to the root
	text []byte
	fset *token.FileSet
	file *ast.File
}

func (s source) packageDir() string {
	dir, _, found := cutLast(s.path, "/")
	if !found {
		return "."
	}
	return dir
}

func (s source) line(pos token.Pos) int { return s.fset.Position(pos).Line }

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func parse(t *testing.T, path string, text []byte) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("parse %s: %v", path, err)
	}
	return source{path: path, text: text, fset: fset, file: file}
}

// handWritten parses every Go file of this module that is not generated. Modules inside the checkout (programs of
// compat-tests that pin a client library of their own) are users of the project, not rooms of the house.
func handWritten(t *testing.T) []source {
	t.Helper()
	var guests []string
	for _, path := range textFiles(t, func(path string) bool { return strings.HasSuffix(path, "/go.mod") || path == "go.mod" }) {
		if dir, _, nested := cutLast(path, "/"); nested {
			guests = append(guests, dir+"/")
		}
	}
	mine := func(path string) bool {
		for _, dir := range guests {
			if strings.HasPrefix(path, dir) {
				return false
			}
		}
		return isGo(path)
	}
	var all []source
	for _, path := range textFiles(t, mine) {
		text := readFile(t, path)
		if !isGenerated(text) {
			all = append(all, parse(t, path, text))
		}
	}
	return all
}
