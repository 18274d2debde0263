package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "regular expression: plant only bugs whose name matches")
	list := flag.Bool("list", false, "list the bugs and do nothing")
	all := flag.Bool("all-layers", false, "run every layer, also after one has objected")
	asJSON := flag.Bool("json", false, "print the results as JSON")
	seeds := flag.Int("seeds", 60, "seeds that the simulation may take")
	flag.Parse()
	wanted, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "-only:", err)
		os.Exit(2)
	}
	var chosen []mutant
	for _, m := range mutants {
		if wanted.MatchString(m.Name) {
			chosen = append(chosen, m)
		}
	}
	if *list {
		for _, m := range chosen {
			fmt.Printf("%-34s %s\n%34s %s\n", m.Name, m.File, "", m.Why)
		}
		return
	}
	results, survivors := []result{}, 0
	for i, m := range chosen {
		fmt.Fprintf(os.Stderr, "%2d/%d %-34s ", i+1, len(chosen), m.Name)
		r, err := m.try(*seeds, *all)
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, r.verdict())
		results = append(results, r)
		if r.CaughtBy == "" {
			survivors++
		}
	}
	print(results, *asJSON)
	if survivors > 0 {
		os.Exit(1)
	}
}

// result is what became of one planted bug.
type result struct {
	Mutant   string  `json:"mutant"`
	File     string  `json:"file"`
	Why      string  `json:"why"`
	CaughtBy string  `json:"caught_by"` // layers, in order; empty: it survived
	How      string  `json:"how"`       // the first objection
	Seeds    int     `json:"seeds"`     // of the simulation, when that objected
	Seconds  float64 `json:"seconds"`
}

func (r result) verdict() string {
	switch {
	case r.CaughtBy == "":
		return fmt.Sprintf("SURVIVED (%.0f s)", r.Seconds)
	case r.Seeds > 0:
		return fmt.Sprintf("caught by %s after %d seeds (%.0f s): %s", r.CaughtBy, r.Seeds, r.Seconds, r.How)
	}
	return fmt.Sprintf("caught by %s (%.0f s): %s", r.CaughtBy, r.Seconds, r.How)
}

func print(results []result, asJSON bool) {
	if asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		_ = e.Encode(results) // to a terminal or a file; there is nobody to tell
		return
	}
	caught := 0
	fmt.Println("| bug | where | caught by | seeds | first objection |\n|---|---|---|---|---|")
	for _, r := range results {
		if r.CaughtBy != "" {
			caught++
		}
		seeds := ""
		if r.Seeds > 0 {
			seeds = fmt.Sprint(r.Seeds)
		}
		fmt.Printf("| %s | `%s` | %s | %s | %s |\n", r.Why, r.File, cmp.Or(r.CaughtBy, "**nobody**"), seeds, strings.ReplaceAll(r.How, "|", "/"))
	}
	fmt.Printf("\n%d of %d caught\n", caught, len(results))
}

// layer is a part of the test suite.
type layer struct {
	name string
	args []string
}

func (m mutant) layers(seeds int) []layer {
	pkg := "./" + filepath.Dir(m.File)
	out := []layer{{"unit tests", []string{"-short", "-timeout", "4m", pkg}}}
	if strings.HasPrefix(m.File, "replica/pacifica/") {
		out = append(out, layer{"random histories", []string{"-timeout", "4m", "./replica/pacifica", "-run", "Random", "-seeds", "400"}})
	}
	if m.Seeds > 0 {
		seeds = m.Seeds
	}
	return append(out, layer{"simulation", []string{"-timeout", "9m", "./sim/seeded", "-run", "TestSeeds", "-seeds", fmt.Sprint(seeds), "-hours", "0.5"}})
}

// try plants the bug and runs the layers.
func (m mutant) try(seeds int, all bool) (result, error) {
	began := time.Now()
	r := result{Mutant: m.Name, File: m.File, Why: m.Why}
	overlay, clean, err := m.overlay()
	if err != nil {
		return r, err
	}
	defer clean()
	var by []string
	for _, l := range m.layers(seeds) {
		cmd := exec.Command("go", append([]string{"test", "-count=1", "-overlay", overlay}, l.args...)...)
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "[build failed]") {
			return r, fmt.Errorf("%s does not compile:\n%s", m.Name, out)
		}
		if err == nil {
			continue
		}
		by = append(by, l.name)
		if l.name == "simulation" {
			r.Seeds = seedsOf(string(out))
		}
		r.How = cmp.Or(r.How, objection(string(out)))
		if !all {
			break
		}
	}
	r.CaughtBy, r.Seconds = strings.Join(by, ", "), time.Since(began).Seconds()
	return r, nil
}

// overlay writes the mutated file and the map that shows it to the compiler.
func (m mutant) overlay() (path string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", nil, err
	}
	clean = func() { os.RemoveAll(dir) }
	text, err := os.ReadFile(m.File)
	if err != nil {
		return "", clean, err
	}
	mutated, err := m.apply(string(text))
	if err != nil {
		return "", clean, err
	}
	file, path := filepath.Join(dir, filepath.Base(m.File)), filepath.Join(dir, "overlay.json")
	abs, err := filepath.Abs(m.File)
	if err != nil {
		return "", clean, err
	}
	spec, err := json.Marshal(map[string]map[string]string{"Replace": {abs: file}})
	if err != nil {
		return "", clean, err
	}
	if err := os.WriteFile(file, []byte(mutated), 0o644); err != nil {
		return "", clean, err
	}
	return path, clean, os.WriteFile(path, spec, 0o644)
}

func (m mutant) apply(text string) (string, error) {
	if n := strings.Count(text, m.Old); n != 1 {
		return "", fmt.Errorf("%s: its place occurs %d times in %s, want once", m.Name, n, m.File)
	}
	return strings.Replace(text, m.Old, m.New, 1), nil
}

var (
	runsLine = regexp.MustCompile(`(\d+) runs,`)
	seedLine = regexp.MustCompile(`(?m)^\s*seed \d+: (.*)$`)
	failLine = regexp.MustCompile(`(?m)^\s*(?:--- FAIL: (\S+)|panic: (.*))`)
)

func seedsOf(out string) int {
	var n int
	if at := runsLine.FindStringSubmatch(out); at != nil {
		fmt.Sscan(at[1], &n)
	}
	return max(n, 1)
}

// objection is the first thing that a failed run says.
func objection(out string) string {
	if at := seedLine.FindStringSubmatch(out); at != nil {
		return at[1]
	}
	if at := failLine.FindStringSubmatch(out); at != nil {
		return cmp.Or(at[1], at[2])
	}
	return "failed"
}
