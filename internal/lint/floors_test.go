package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// floor is one line of the house plan (docs/architecture.md): a directory and everything below it that has no
// longer match, the floor it stands on, and the directories of this module it may import.
type floor struct {
	dir     string
	level   int
	imports []string
	pure    bool // a decision core: see impurities
}

// floors is the whole plan. A package that is not covered fails the test: give it a line.
var floors = []floor{
	{dir: "gen-go", level: 0, imports: []string{"gen-go"}},
	{dir: "gen-go/base", level: 0},
	{dir: "internal/fuzz", level: 0},
	{dir: "internal/baseline", level: 0},
	{dir: "idl", level: 0},
	{dir: "internal/lint", level: 0},
	{dir: "internal/host", level: 0},
	{dir: "internal/memory", level: 0},
	{dir: "internal/plot", level: 0},
	{dir: "internal/ports", level: 0},
	{dir: "internal/mutants", level: 5},

	{dir: "conf", level: 1},
	{dir: "rpc", level: 1, imports: []string{"gen-go"}},

	{dir: "rrdb", level: 2, imports: []string{"gen-go", "rpc"}},
	{dir: "zkmeta", level: 2, imports: []string{"gen-go", "rpc"}},
	{dir: "sim/faultfs", level: 2},
	{dir: "sim/seeded", level: 4, imports: []string{"gen-go", "rpc", "internal/host", "rrdb", "zkmeta", "replica/pacifica", "meta/cluster", "meta", "replica", "sim/faultfs"}},
	{dir: "replica/plog", level: 2, imports: []string{"gen-go", "rpc", "internal/host"}},

	{dir: "replica/pacifica", level: 3, imports: []string{"gen-go"}, pure: true},
	{dir: "meta/cluster", level: 3, imports: []string{"gen-go"}, pure: true},
	{dir: "client", level: 3, imports: []string{"gen-go", "rpc"}},

	{dir: "meta", level: 4, imports: []string{"gen-go", "rpc", "internal/host", "zkmeta", "meta/cluster"}},
	{dir: "replica", level: 4, imports: []string{"gen-go", "rpc", "internal/host", "internal/memory", "rrdb", "replica/plog", "replica/pacifica"}},
	{dir: "shell", level: 4, imports: []string{"gen-go", "rpc", "client"}},
	{dir: "bench", level: 4, imports: []string{"gen-go", "rpc", "client", "internal/plot", "internal/ports"}},
	{dir: "sim", level: 4, imports: []string{"gen-go", "rpc", "internal/host", "rrdb", "zkmeta", "replica/plog", "replica/pacifica", "meta/cluster", "client", "meta", "replica", "sim/faultfs"}},
	{dir: "compat-tests", level: 4, imports: []string{"gen-go", "rpc", "client", "conf", "internal/plot", "internal/ports"}},

	// cmd fills the options of the servers, which hold those of the packages they are made of.
	{dir: "cmd", level: 5, imports: []string{"gen-go", "conf", "internal/memory", "rpc", "rrdb", "zkmeta", "replica/plog", "replica/pacifica", "meta/cluster", "client", "meta", "replica", "shell", "bench"}},
}

// floorOf returns the line with the longest directory that covers dir.
func floorOf(dir string) (floor, bool) {
	var best floor
	found := false
	for _, f := range floors {
		if covers(f.dir, dir) && (!found || len(f.dir) > len(best.dir)) {
			best, found = f, true
		}
	}
	return best, found
}

func covers(parent, dir string) bool { return dir == parent || strings.HasPrefix(dir, parent+"/") }

// wrongImports lists what a file outside of tests imports against the plan. Tests may look at any floor: they
// build what production code is handed.
func wrongImports(s source) []string {
	from, known := floorOf(s.packageDir())
	if !known {
		return []string{fmt.Sprintf("%s: directory %s has no line in the table of floors_test.go", s.path, s.packageDir())}
	}
	var wrong []string
	for _, spec := range s.file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !strings.HasPrefix(path, modulePath) {
			continue
		}
		to := strings.TrimPrefix(path, modulePath)
		if covers(from.dir, to) && floorIs(to, from.dir) {
			continue // below its own roof
		}
		if !allowed(from.imports, to) {
			wrong = append(wrong, fmt.Sprintf("%s:%d: %s (floor %d) must not import %s", s.path, s.line(spec.Pos()), from.dir, from.level, to))
		}
	}
	return wrong
}

func floorIs(dir, want string) bool {
	f, known := floorOf(dir)
	return known && f.dir == want
}

func allowed(imports []string, to string) bool {
	target, known := floorOf(to)
	if !known {
		return false
	}
	for _, dir := range imports {
		if target.dir == dir || (dir == "gen-go" && covers(dir, to)) {
			return true
		}
	}
	return false
}

// impureImports are the packages a decision core must not use: each brings a clock, a goroutine, a lock, chance, or
// the outside world. (`time` may be imported for durations only; see impurities.)
var impureImports = []string{
	"os", "net", "io", "io/fs", "io/ioutil", "log", "log/slog", "context", "sync", "syscall", "unsafe", "math/rand", "crypto/rand", "runtime",
	"path/filepath", "golang.org/x/sync", "golang.org/x/sys", "golang.org/x/time", "github.com/cockroachdb/pebble", "github.com/samuel/go-zookeeper",
	"github.com/prometheus",
}

// impureTime are the functions of package time that read or follow a clock.
var impureTime = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true, "Tick": true, "NewTimer": true, "NewTicker": true,
}

// impurities lists what makes a file of a decision core depend on anything but its inputs.
func impurities(s source) []string {
	var found []string
	report := func(pos token.Pos, what string) {
		found = append(found, fmt.Sprintf("%s:%d: a decision core must not %s", s.path, s.line(pos), what))
	}
	for _, spec := range s.file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		for _, bad := range impureImports {
			if covers(bad, path) {
				report(spec.Pos(), "import "+path)
				break
			}
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n.Pos(), "start a goroutine")
		case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
			report(n.Pos(), "use channels")
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && impureTime[n.Sel.Name] {
				report(n.Pos(), "call time."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}

func TestImportsPointDownward(t *testing.T) {
	for _, s := range handWritten(t) {
		if isGoTest(s.path) {
			continue
		}
		for _, problem := range wrongImports(s) {
			t.Error(problem)
		}
	}
}

func TestDecisionCoresArePure(t *testing.T) {
	for _, s := range handWritten(t) {
		if f, known := floorOf(s.packageDir()); !known || !f.pure || isGoTest(s.path) {
			continue
		}
		for _, problem := range impurities(s) {
			t.Error(problem)
		}
	}
}

func TestTheTableItselfPointsDownward(t *testing.T) {
	for _, f := range floors {
		for _, dir := range f.imports {
			to, known := floorOf(dir)
			if !known {
				t.Errorf("%s imports %s, which has no line", f.dir, dir)
				continue
			}
			// Shared servers are put together by sim and by compat-tests, which stand beside them on floor 4.
			besides := covers("sim", f.dir) || f.dir == "compat-tests"
			if to.level > f.level || (to.level == f.level && to.dir != "gen-go" && !besides) {
				t.Errorf("%s (floor %d) may import %s (floor %d): that is not downward", f.dir, f.level, dir, to.level)
			}
		}
	}
}
