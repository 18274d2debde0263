package lint

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	markdownLink = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	notInAnchor  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// withoutCode drops fenced blocks, whose brackets are no links and whose # are no headings.
func withoutCode(text string) []string {
	var lines []string
	fenced := false
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced {
			lines = append(lines, line)
		}
	}
	return lines
}

// anchors are the fragments that headings of a page get when it is rendered.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, line := range withoutCode(text) {
		title := strings.TrimLeft(line, "#")
		if len(title) == len(line) || !strings.HasPrefix(title, " ") {
			continue
		}
		title = strings.ToLower(notInAnchor.ReplaceAllString(strings.TrimSpace(title), ""))
		found[strings.ReplaceAll(title, " ", "-")] = true
	}
	return found
}

// deadLinks lists the relative links of a page that lead nowhere. read returns the text of a path relative to the
// root ("" and true for a directory).
func deadLinks(page, text string, read func(rel string) (string, bool)) []string {
	var dead []string
	for _, line := range withoutCode(text) {
		for _, match := range markdownLink.FindAllStringSubmatch(line, -1) {
			link := match[1]
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			file, fragment, _ := strings.Cut(link, "#")
			target := page
			if file != "" {
				target = path.Join(path.Dir(page), file)
			}
			content, exists := read(target)
			if target == page {
				content, exists = text, true
			}
			switch {
			case !exists:
				dead = append(dead, fmt.Sprintf("%s: link to %s: no such file", page, link))
			case fragment != "" && strings.HasSuffix(target, ".md") && !anchors(content)[fragment]:
				dead = append(dead, fmt.Sprintf("%s: link to %s: no such heading", page, link))
			}
		}
	}
	return dead
}

func TestLinksInDocsResolve(t *testing.T) {
	pages := textFiles(t, func(rel string) bool { return strings.HasSuffix(rel, ".md") })
	read := func(rel string) (string, bool) {
		full := filepath.Join(root, filepath.FromSlash(rel))
		info, err := os.Stat(full)
		if err != nil {
			return "", false
		}
		if info.IsDir() {
			return "", true
		}
		data, err := os.ReadFile(full)
		return string(data), err == nil
	}
	for _, page := range pages {
		for _, problem := range deadLinks(page, string(readFile(t, page)), read) {
			t.Error(problem)
		}
	}
}
