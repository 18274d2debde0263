package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPlacesExist: every bug can still be planted where it was meant to be.
func TestPlacesExist(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutants {
		text, err := os.ReadFile(filepath.Join("..", "..", m.File))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.apply(string(text)); err != nil {
			t.Error(err)
		}
		if seen[m.Name] {
			t.Errorf("two bugs are called %q", m.Name)
		}
		seen[m.Name] = true
	}
	if len(mutants) < 20 {
		t.Errorf("only %d bugs", len(mutants))
	}
}
