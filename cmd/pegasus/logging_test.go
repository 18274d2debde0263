package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLogFilesAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "pegasus.log")
	file, err := openRotatingFile(path, 100, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := fmt.Fprintf(file, "record number %03d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	file.Close()
	names, _ := filepath.Glob(path + "*")
	if len(names) != 3 {
		t.Errorf("files %v, want 3 of them", names)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil || len(text) > 100 || !strings.HasPrefix(string(text), "record number ") || !strings.HasSuffix(string(text), "\n") {
			t.Errorf("%s holds %q (%v)", name, text, err)
		}
	}
	if text, _ := os.ReadFile(path); !strings.Contains(string(text), "record number 099") {
		t.Errorf("the newest record is not in the newest file: %q", text)
	}
	if _, err := file.Write([]byte("late")); err == nil {
		t.Error("a closed file took a record")
	}
}

func TestLogFileIsContinuedAfterRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pegasus.log")
	for _, record := range []string{"first\n", "second\n"} {
		file, err := openRotatingFile(path, 100, 3)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(file, record)
		file.Close()
	}
	if text, _ := os.ReadFile(path); string(text) != "first\nsecond\n" {
		t.Errorf("the file holds %q", text)
	}
}

func TestLogFlagsAreChecked(t *testing.T) {
	for _, bad := range []logFlags{{level: "loud", format: "text"}, {level: "info", format: "xml"}, {level: "info", format: "text", file: t.TempDir()}} {
		if _, _, err := bad.open(); err == nil || !strings.Contains(err.Error(), "--log-") {
			t.Errorf("%+v: error %v does not name the flag", bad, err)
		}
	}
}
