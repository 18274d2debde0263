package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"strings"
	"testing"
)

const (
	fileLinesMax     = 600
	functionLinesMax = 120
)

// longFiles and longFunctions name the exceptions ("path" or "path:function") and argue each. They are meant to be empty.
var (
	longFiles     = map[string]string{}
	longFunctions = map[string]string{}
)

// tooLong lists the file, if it is too long, and its functions that are.
func tooLong(s source) []string {
	var found []string
	lines := bytes.Count(s.text, []byte("\n"))
	if _, argued := longFiles[s.path]; lines > fileLinesMax && !argued {
		found = append(found, fmt.Sprintf("%s: %d lines, more than %d: split it by subject", s.path, lines, fileLinesMax))
	}
	for _, decl := range s.file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		length := s.line(fn.End()) - s.line(fn.Pos()) + 1
		if _, argued := longFunctions[s.path+":"+fn.Name.Name]; length > functionLinesMax && !argued {
			found = append(found, fmt.Sprintf("%s:%d: %s has %d lines, more than %d: it should fit a screen", s.path, s.line(fn.Pos()), fn.Name.Name, length, functionLinesMax))
		}
	}
	return found
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, s := range handWritten(t) {
		for _, problem := range tooLong(s) {
			t.Error(problem)
		}
	}
}

func TestExceptionsAreArguedAndStillNeeded(t *testing.T) {
	paths := map[string]bool{}
	for _, path := range textFiles(t, isGo) {
		paths[path] = true
	}
	for _, table := range []map[string]string{longFiles, longFunctions} {
		for key, reason := range table {
			path, _, _ := strings.Cut(key, ":")
			if !paths[path] {
				t.Errorf("the exception %s names a file that is gone", key)
			}
			if len(strings.Fields(reason)) < 5 {
				t.Errorf("the exception %s gives no argument", key)
			}
		}
	}
}
