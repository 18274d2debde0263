package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// reliabilityPage names tests and scripts as evidence. What it names must be there.
const reliabilityPage = "docs/reliability/paper.md"

var (
	namedTest   = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	namedScript = regexp.MustCompile("`([a-z0-9_-]+\\.txt)`")
	testFunc    = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(t \*testing\.T\)`)
	bugRow      = regexp.MustCompile(`(?m)^\| ([0-9]+(?:, [0-9]+)*) \|[^|\n]+\|([^|\n]+)\|$`)
)

// missingEvidence lists what a page names and nobody has, and rows that name nothing and give no reason.
func missingEvidence(page string, tests, scripts map[string]bool) []string {
	var problems []string
	for _, m := range namedTest.FindAllStringSubmatch(page, -1) {
		if !tests[m[1]] {
			problems = append(problems, fmt.Sprintf("there is no test %s", m[1]))
		}
	}
	for _, m := range namedScript.FindAllStringSubmatch(page, -1) {
		if !scripts[m[1]] {
			problems = append(problems, fmt.Sprintf("there is no script %s", m[1]))
		}
	}
	_, bugs, _ := strings.Cut(page, "## Bugs of the original")
	for _, row := range bugRow.FindAllStringSubmatch(bugs, -1) {
		evidence := namedTest.MatchString(row[2]) || namedScript.MatchString(row[2])
		if !evidence && !strings.Contains(row[2], "cannot exist: ") {
			problems = append(problems, fmt.Sprintf("bug %s has neither a test nor a reason", row[1]))
		}
	}
	return problems
}

// bugNumbers are the numbers that have a row.
func bugNumbers(page string) map[string]bool {
	_, bugs, _ := strings.Cut(page, "## Bugs of the original")
	found := map[string]bool{}
	for _, row := range bugRow.FindAllStringSubmatch(bugs, -1) {
		for _, n := range strings.Split(row[1], ", ") {
			found[n] = true
		}
	}
	return found
}

func TestReliabilityPage(t *testing.T) {
	tests := map[string]bool{}
	for _, path := range textFiles(t, isGoTest) {
		for _, m := range testFunc.FindAllStringSubmatch(string(readFile(t, path)), -1) {
			tests[m[1]] = true
		}
	}
	scripts := map[string]bool{}
	for _, dir := range []string{"replica/pacifica/testdata", "meta/cluster/testdata"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				scripts[entry.Name()] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	page := string(readFile(t, reliabilityPage))
	for _, problem := range missingEvidence(page, tests, scripts) {
		t.Errorf("%s: %s", reliabilityPage, problem)
	}
	numbers := bugNumbers(page)
	for i := 1; i <= 41; i++ {
		if !numbers[fmt.Sprint(i)] {
			t.Errorf("%s: bug %d has no row", reliabilityPage, i)
		}
	}
	// The other way round: a script for a bug is named.
	entries, err := os.ReadDir(filepath.Join(root, "replica/pacifica/testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains(page, "`"+e.Name()+"`") {
			t.Errorf("%s does not name %s", reliabilityPage, e.Name())
		}
	}
}

func TestReliabilityRuleBites(t *testing.T) {
	tests, scripts := map[string]bool{"TestA": true}, map[string]bool{"a-1.txt": true}
	expect(t, missingEvidence("`TestA` `a-1.txt`\n## Bugs of the original\n| 1 | x | `TestA` |\n| 2, 3 | y | cannot exist: no |\n", tests, scripts))
	expect(t, missingEvidence("`TestB` `b.txt`\n## Bugs of the original\n| 4 | x | somewhere |\n", tests, scripts),
		"no test TestB", "no script b.txt", "bug 4 has neither")
}
