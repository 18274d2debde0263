package shell

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		``:                                nil,
		"  get  a\tb ":                    {"get", "a", "b"},
		`set "h\x00\x01" "s\xff" 'it\'s'`: {"set", "h\x00\x01", "s\xff", "it's"},
		`"\n\r\t\b\a\q\\\""`:              {"\n\r\t\b\aq\\\""},
		`"\x4" "\xzz"`:                    {"x4", "xzz"},
		`'\n'`:                            {`\n`},
		`"" ''`:                           {"", ""},
		`a"b c" d`:                        {"ab c", "d"},
		`käse`:                            {"käse"},
	} {
		got, err := splitWords(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v, want %q", line, got, err, want)
		}
	}
	for _, bad := range []string{`"a`, `'a`, `"a"b`, `'a'b`, `"\`, `"a\"`} {
		if got, err := splitWords(bad); err == nil {
			t.Errorf("%s: %q, want an error", bad, got)
		}
	}
}

func FuzzWhatIsEscapedReadsBackTheSame(f *testing.F) {
	f.Add([]byte("plain"), false)
	f.Add([]byte("\x00\xff\"'\\ \n\r\t;"), true)
	f.Fuzz(func(t *testing.T, b []byte, all bool) {
		words, err := splitWords(`"` + escape(b, all) + `"`)
		if err != nil || len(words) != 1 || words[0] != string(b) {
			t.Fatalf("%q came back as %q, %v", b, words, err)
		}
	})
}

func FuzzSplittingNeverPanics(f *testing.F) {
	f.Add(`set "h\x0" 'a' ; "`)
	f.Fuzz(func(t *testing.T, line string) {
		_, _ = splitWords(line)
		if n := len(strings.Join(splitCommands(line), "")); n > len(line) {
			t.Fatal("commands longer than the line")
		}
	})
}

func TestSplitCommands(t *testing.T) {
	for textOf, want := range map[string][]string{
		"ls":                          {"ls"},
		"use temp; get a b":           {"use temp", " get a b"},
		"use temp\nget a b;":          {"use temp", "get a b", ""},
		"set a b c;d":                 {"set a b c;d"},
		`set a b "x; y"; get a 'z; '`: {`set a b "x; y"`, ` get a 'z; '`},
		`set a b "\"; "`:              {`set a b "\"; "`},
	} {
		if got := splitCommands(textOf); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", textOf, got, want)
		}
	}
}

func TestParseArgs(t *testing.T) {
	known := []option{{'d', "detailed", false}, {'j', "json", false}, {'n', "max_count", true}}
	for line, want := range map[string]string{
		"temp -dj":         "temp| detailed= json=",
		"-d temp --json":   "temp| detailed= json=",
		"a -n 5 b":         "a b| max_count=5",
		"a -n5":            "a| max_count=5",
		"a --max_count=5":  "a| max_count=5",
		"a --max_count -1": "a| max_count=-1",
		"a -20 -d":         "a -20| detailed=",
		"-d -- -j":         "-j| detailed=",
		"-dn 3":            "| detailed= max_count=3",
		"- a":              "- a|",
	} {
		p, err := parseArgs(known, strings.Fields(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		got := strings.Join(p.pos, " ") + "|"
		for _, o := range known {
			if p.has(o.long) {
				got += " " + o.long + "=" + p.str(o.long, "")
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	for line, want := range map[string]string{
		"--jsn":        "unknown flag jsn, did you mean --json?",
		"--zzzzzz=1":   "unknown param zzzzzz = 1",
		"-x":           "unknown flag x",
		"--max_count":  "missing value of max_count",
		"-n":           "missing value of max_count",
		"--detailed=1": "flag detailed takes no value",
	} {
		if _, err := parseArgs(known, strings.Fields(line)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"nodse": "nodes", "lss": "ls", "multiget": "multi_get", "set_meta_leve": "set_meta_level",
		"creat": "create", "zzzz": "", "hash_scn": "hash_scan", "remote_comand": "remote_command",
	} {
		if got := nearest(word, commandNames()); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func TestUsageIsWrappedBetweenArguments(t *testing.T) {
	for _, c := range catalogue() {
		for _, line := range strings.Split(c.usageText(), "\n") {
			body := line[min(len(line), 1+nameColumn):]
			if len(body) > usageWidth && strings.ContainsAny(strings.TrimSpace(body), " ") && len(usageGroups(strings.TrimSpace(body))) > 1 {
				t.Errorf("%s: line of %d columns: %s", c.name, len(body), line)
			}
		}
	}
}
