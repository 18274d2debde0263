package shell

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestGolden replays testdata: `cluster` starts one with tables (name and members of each
// partition), `sh` runs the lines of its input, each blank at a line's end shown as a dot, and
// `text` runs them as one -c would. Rewrite with `go test -run Golden -rewrite`.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.HasPrefix(path, "testdata/fuzz") {
			return // the corpora of the fuzz tests lie there, too
		}
		var b *bench
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "cluster":
				b = newBench(t)
				for line := range strings.Lines(d.Input) {
					words := strings.Fields(line)
					b.table(words[0], words[1:]...)
				}
				return ""
			case "kill":
				for i := range 3 {
					if b.fake.Replica(i) == b.nodes[2] {
						b.fake.KillReplica(i)
					}
				}
				return ""
			case "sh":
				var out string
				for line := range strings.Lines(d.Input) {
					out += "$ " + line
					if !strings.HasSuffix(line, "\n") {
						out += "\n"
					}
					out += dotted(b.run(strings.TrimSuffix(line, "\n")))
				}
				return out
			case "text":
				b.out.Reset()
				b.s.runText(d.Input)
				b.s.fromText = false
				return dotted(b.shown(b.out.String()))
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}
