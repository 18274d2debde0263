package conf

import (
	"regexp"
	"strings"
)

// lineIndex says where a section or key stands in a file, for messages. The TOML
// package does not tell; for keys inside inline tables the line stays unknown.
type lineIndex struct {
	keys     map[string]int // "section.key", first occurrence
	sections map[string]int
}

var (
	sectionLine = regexp.MustCompile(`^\s*\[([^\[\]]+)\]\s*(#.*)?$`)
	keyLine     = regexp.MustCompile(`^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=`)
	oldSection  = regexp.MustCompile(`^\s*\[\s*(\w+)\.\.(\w+)\s*\]`)
)

func indexLines(text string) lineIndex {
	x := lineIndex{keys: map[string]int{}, sections: map[string]int{}}
	section := ""
	for i, line := range strings.Split(text, "\n") {
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			section = unquoteKey(m[1])
			if _, ok := x.sections[section]; !ok {
				x.sections[section] = i + 1
			}
			continue
		}
		if m := keyLine.FindStringSubmatch(line); m != nil {
			key := joinKey(section, unquoteKey(m[1]))
			if _, ok := x.keys[key]; !ok {
				x.keys[key] = i + 1
			}
		}
	}
	return x
}

func (x lineIndex) key(section, key string) int { return x.keys[joinKey(section, key)] }

// section returns the line of a section, or of the first one below it.
func (x lineIndex) section(section string) int {
	if n, ok := x.sections[section]; ok {
		return n
	}
	first := 0
	for s, n := range x.sections {
		if strings.HasPrefix(s, section+".") && (first == 0 || n < first) {
			first = n
		}
	}
	return first
}

func joinKey(section, key string) string {
	if section == "" {
		return key
	}
	return section + "." + key
}

func unquoteKey(s string) string {
	return strings.NewReplacer(`"`, "", `'`, "", " ", "", "\t", "").Replace(s)
}
