package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of the next release; builds between releases carry it too, with their commit beside it.
const release = "0.1.0"

// build says what this binary was made from.
type build struct {
	Version string
	Commit  string // or unknownCommit
	Time    string // of the commit
	Dirty   bool   // the checkout had changes
}

// unknownCommit stands where a binary was built outside of a checkout.
const unknownCommit = "unknown"

func readBuild() build {
	b := build{Version: release, Commit: unknownCommit}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
	return b
}

// short is what other programs show of the build: "0.1.0 (abcdef012345) release".
func (b build) short() string { return fmt.Sprintf("%s (%.12s) release", b.Version, b.Commit) }

func (b build) String() string {
	text := fmt.Sprintf("Pegasus-Go %s (%.12s", b.Version, b.Commit)
	if b.Dirty {
		text += ", changed"
	}
	if b.Time != "" {
		text += ", " + b.Time
	}
	return text + ")"
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, commit and Go version",
		Example: "  pegasus version",
		Args:    cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s/%s\n", readBuild(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
