package baseline

import (
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	was := []Measure{{"get_allocs", 10, 1}, {"gone_allocs", 1, 1}, {"set_bytes", 100, 10}}
	for _, c := range []struct {
		claim         string
		now           Measure
		wrong, better string
	}{
		{"the same", Measure{"get_allocs", 10, 0}, "", ""},
		{"as much as it may be", Measure{"get_allocs", 11, 0}, "", ""},
		{"more than it may be", Measure{"get_allocs", 11.5, 0}, "get_allocs was 10, is 11.5, may be 11; find out why, or accept it with `make baseline`", ""},
		{"less, within the tolerance", Measure{"get_allocs", 9, 0}, "", ""},
		{"less", Measure{"get_allocs", 8, 0}, "", "get_allocs was 10, is 8; hold on to it with `make baseline`"},
		{"not in the file", Measure{"new_allocs", 3, 0}, "new_allocs is 3 and not in the baseline; add it with `make baseline`", ""},
	} {
		wrong, better := Compare(was, []Measure{c.now, {"gone_allocs", 1, 0}, {"set_bytes", 100, 0}})
		wrong = without(wrong, "get_allocs is in the baseline")
		if got := strings.Join(wrong, "|"); got != c.wrong {
			t.Errorf("%s: wrong: %q, want %q", c.claim, got, c.wrong)
		}
		if got := strings.Join(better, "|"); got != c.better {
			t.Errorf("%s: better: %q, want %q", c.claim, got, c.better)
		}
	}
	wrong, _ := Compare(was, []Measure{{"get_allocs", 10, 0}, {"set_bytes", 100, 0}})
	if len(wrong) != 1 || !strings.HasPrefix(wrong[0], "gone_allocs is in the baseline and was not measured") {
		t.Errorf("a measure that is gone: %q", wrong)
	}
}

func without(lines []string, prefix string) (rest []string) {
	for _, l := range lines {
		if !strings.HasPrefix(l, prefix) {
			rest = append(rest, l)
		}
	}
	return rest
}

func TestFormatIsReadBackAndKeepsTolerances(t *testing.T) {
	now := []Measure{{"a_allocs", 3.14159, 1}, {"b_bytes", 1000, 7}}
	got, err := Parse(Format([]Measure{{"b_bytes", 900, 50}}, now))
	if err != nil {
		t.Fatal(err)
	}
	want := []Measure{{"a_allocs", 3.14, 1}, {"b_bytes", 1000, 50}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestParseNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"# x\na_allocs 1":            "line 2 has 2 fields",
		"a_allocs one 1":             `line 1: "one" is not`,
		"a_allocs 1 -1":              `line 1: "-1" is not`,
		"a_allocs NaN 1":             `line 1: "NaN" is not`,
		"a_allocs 1 1\na_allocs 2 1": "line 2: a_allocs stands there twice",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
