package check

import (
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Severity of a finding.
type Severity string

// Severities, see the package comment.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Finding is one thing that was noticed.
type Finding struct {
	Severity Severity `json:"severity"`
	Path     string   `json:"path"`
	Text     string   `json:"text"`
}

// Replica is one live replica directory. Numbers are zero where damage kept them from being read.
type Replica struct {
	Gpid       string `json:"gpid"`
	Dir        string `json:"dir"`
	Table      string `json:"table"`
	Partitions int32  `json:"partition_count"`
	Ballot     int64  `json:"ballot"`
	Promised   int64  `json:"promised_decree"` // that the store was said to hold

	StoreDecree   int64  `json:"store_decree"`
	Rows          int64  `json:"rows"`
	Tables        int    `json:"tables"`
	StoreBytes    int64  `json:"store_bytes"`
	FormatVersion uint64 `json:"store_format"`

	LogFiles   int   `json:"log_files"`
	LogBytes   int64 `json:"log_bytes"`
	LogEntries int64 `json:"log_entries"`
	LogFirst   int64 `json:"log_first_decree"`
	LogLast    int64 `json:"log_last_decree"`
	LogClean   bool  `json:"log_closed_cleanly"`

	Verdict string `json:"verdict"` // "good", "good with warnings", "damaged", "unreadable"

	gpid base.Gpid
}

// Report is all that was found.
type Report struct {
	Dirs     []string  `json:"dirs"`
	Replicas []Replica `json:"replicas"`
	Aside    int       `json:"set_aside"` // directories that are no live replicas
	Findings []Finding `json:"findings"`
	failures []error   // of the disk, not of the content
}

// Damaged says whether there is an Error.
func (r *Report) Damaged() bool { return r.count(Error) > 0 }

// Incomplete is why something could not be read at all, nil when everything was.
func (r *Report) Incomplete() error {
	if len(r.failures) == 0 {
		return nil
	}
	return fmt.Errorf("%d files could not be read, the first: %w", len(r.failures), r.failures[0])
}

func (r *Report) count(s Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

func (r *Report) add(s Severity, path, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{Severity: s, Path: path, Text: fmt.Sprintf(format, args...)})
}
