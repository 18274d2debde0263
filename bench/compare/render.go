package compare

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/pegasus-go/pegasus/bench/report"
)

// Text writes a line for each workload: medians of the rounds, each figure by itself.
func Text(out io.Writer, cases []Case) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "workload\told µs CPU/op\tnew µs CPU/op\tnew / old\tleast\tmost\tops/s, new / old\t\n")
	for i := range cases {
		c := &cases[i]
		ratios := c.Ratios()
		cpu := func(side int) string {
			return report.Figure(report.Median(c.each(func(r Round) float64 { return r.CPUMicros[side] })))
		}
		rate := report.Median(c.each(func(r Round) float64 { return r.OpsPerSecond[1] / r.OpsPerSecond[0] }))
		fmt.Fprintf(w, "%s\t%s\t%s\t%.3f\t%.3f\t%.3f\t%.3f\t\n", c.Workload, cpu(0), cpu(1), report.Median(ratios), report.Min(ratios), report.Max(ratios), rate)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(out, "Both clusters ran at the same time and shared the machine: the ratios count, not the figures.\n")
	return err
}
