package report

import "fmt"

// Build is the program that was measured.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Changed bool   `json:"changed"` // the checkout had changes that are not in the commit
	Go      string `json:"go"`      // version
}

func (b Build) String() string {
	text := fmt.Sprintf("Pegasus-Go %s, commit `%.12s`", b.Version, b.Commit)
	if b.Changed {
		text += " with changes"
	}
	return text + ", " + b.Go
}
