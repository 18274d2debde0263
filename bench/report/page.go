package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// begin and end are the comments around a generated section of a Markdown page.
func begin(name string) string { return "<!-- " + name + ":begin -->" }
func end(name string) string   { return "<!-- " + name + ":end -->" }

// ReplaceSection puts text between the two markers of a name, which stay. Each must stand in the page once.
func ReplaceSection(page, name, text string) (string, error) {
	first, last := begin(name), end(name)
	if strings.Count(page, first) != 1 || strings.Count(page, last) != 1 {
		return "", fmt.Errorf("report: want one %s and one %s in the page, it has %d and %d: put them where the figures belong",
			first, last, strings.Count(page, first), strings.Count(page, last))
	}
	from, to := strings.Index(page, first)+len(first), strings.Index(page, last)
	if to < from {
		return "", fmt.Errorf("report: %s stands before %s", last, first)
	}
	return page[:from] + "\n" + strings.TrimSpace(text) + "\n" + page[to:], nil
}

// CheckSection tells whether WriteSection could work, before a measurement takes its time.
func CheckSection(path, name string) error {
	_, err := replaced(path, name, "")
	return err
}

// WriteSection replaces the section of a page on disk, all or nothing.
func WriteSection(path, name, text string) error {
	page, err := replaced(path, name, text)
	if err != nil {
		return err
	}
	return WriteFile(path, []byte(page))
}

func replaced(path, name, text string) (string, error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("report: read the page: %w", err)
	}
	result, err := ReplaceSection(string(page), name, text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return result, nil
}

// WriteFile writes a file under another name and renames it, so that the old one stays whole until the new one is.
func WriteFile(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the first error is the one to tell
		return fmt.Errorf("report: write %s: %w", path, err)
	}
	return nil
}
