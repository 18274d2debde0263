package lint

import (
	"bytes"
	"fmt"
	"go/format"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
)

// unformatted tells why a file is not as gofmt would write it, or "".
func unformatted(rel string, text []byte) string {
	want, err := format.Source(text)
	switch {
	case err != nil:
		return fmt.Sprintf("%s: gofmt: %v", rel, err)
	case !bytes.Equal(want, text):
		return fmt.Sprintf("%s: not gofmt'ed: run make fmt", rel)
	}
	return ""
}

func TestGofmt(t *testing.T) {
	for _, rel := range textFiles(t, isGo) {
		if problem := unformatted(rel, readFile(t, rel)); problem != "" {
			t.Error(problem)
		}
	}
}

func TestGoVet(t *testing.T) {
	if testing.Short() {
		t.Skip("go vet builds everything")
	}
	cmd := exec.Command("go", "vet", "./...")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

func TestEveryPackageHasADocFile(t *testing.T) {
	documented := map[string]bool{}
	packages := map[string]bool{}
	for _, s := range handWritten(t) {
		dir := s.packageDir()
		packages[dir] = true
		if path.Base(s.path) == "doc.go" {
			documented[dir] = s.file.Doc != nil && len(strings.Fields(s.file.Doc.Text())) >= 10
		}
	}
	for dir := range packages {
		if !documented[dir] {
			t.Errorf("%s: no doc.go that says what the package is and what it never does", dir)
		}
	}
}

// The words are put together here so that this file does not contain them.
var (
	unfinished   = regexp.MustCompile(`\b(` + "TO" + `DO|FIX` + `ME|HA` + `CK|XX` + `X)\b`)
	machinePaths = regexp.MustCompile(`/(root|home/[a-z][a-z0-9_-]+|Users/[A-Za-z]+|work/(main|shared))/`)
)

// badLines lists the lines that carry marks of unfinished work or a path that exists on one machine only.
func badLines(rel string, text []byte) []string {
	var found []string
	for i, line := range strings.Split(string(text), "\n") {
		if m := unfinished.FindString(line); m != "" {
			found = append(found, fmt.Sprintf("%s:%d: %s: finish it or open an issue", rel, i+1, m))
		}
		if m := machinePaths.FindString(line); m != "" {
			found = append(found, fmt.Sprintf("%s:%d: %s is a path of somebody's machine", rel, i+1, m))
		}
	}
	return found
}

var checkedSuffixes = []string{".go", ".md", ".toml", ".thrift", ".sh", ".py", ".java", ".js", ".svg", ".txt", "Makefile", "/run"}

func TestNothingUnfinishedAndNoMachinePaths(t *testing.T) {
	files := textFiles(t, func(rel string) bool {
		for _, suffix := range checkedSuffixes {
			if strings.HasSuffix(rel, suffix) {
				return !strings.HasPrefix(rel, "internal/lint/")
			}
		}
		return false
	})
	for _, rel := range files {
		text := readFile(t, rel)
		if isGo(rel) && isGenerated(text) {
			continue
		}
		for _, problem := range badLines(rel, text) {
			t.Error(problem)
		}
	}
}
