package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pegasus-go/pegasus/bench/curves"
)

func newBenchCurvesCommand() *cobra.Command {
	var o curves.Options
	var out string
	cmd := &cobra.Command{
		Use:   "curves",
		Short: "Measure how the cost of a get and of a set grows with partitions, callers, rows, sizes and servers",
		Long: `Measure how the cost of a get and of a set grows with one property, everything else held still.

Curves: ` + strings.Join(curves.Names(), ", ") + `. Each becomes a CSV file, a picture (SVG) and a section of ` + curves.Page + ` in the
directory of --out; sections of curves that are not measured stay as they are.

Clusters are started as processes on free ports of this machine, with data in a temporary directory, and are stopped at the end, by
Ctrl-C too. The plan, progress and the time left go to standard error. All curves take about 13 minutes. With --rows-max 10000000 the curve
of rows goes on to ten million, which takes about three minutes more and about 10 GB of the temporary directory for a while.

With --quick, --out must not hold a page of figures.`,
		Example: `  pegasus bench curves --out /tmp/curves --quick
  pegasus bench curves --out docs/performance --curve callers --curve value-size
  pegasus bench curves --out docs/performance --curve rows --rows-max 10000000 --dir /data1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags := cmd.Flags()
			if o.Quick && !flags.Changed("runs") {
				o.Runs = curves.QuickRuns
			}
			if o.Quick && !flags.Changed("duration") {
				o.Duration = curves.QuickDuration
			}
			if err := curves.Prepare(out, o.Curves, o.Quick); err != nil {
				return err
			}
			var err error
			if o.Executable, err = os.Executable(); err != nil {
				return fmt.Errorf("find the program to start servers with: %w", err)
			}
			o.Build, o.Progress = measuredBuild(), linesTo(cmd.ErrOrStderr())
			if o.Build.Commit == unknownCommit {
				o.Progress("Note: this program does not know its commit, and the page will say so; `make build` in a checkout tells it.")
			}
			ctx, stop := untilHangup(cmd.Context())
			defer stop()
			return curves.Run(ctx, o, func(c *curves.Curve) error {
				if err := c.Write(out); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: written to %s after %.0f s\n", c.Name, filepath.Join(out, curves.Page), c.Seconds)
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&out, "out", "o", "bench-curves", "directory of the page, the pictures and the CSV files; made when it is missing")
	flags.StringArrayVar(&o.Curves, "curve", nil, "measure this curve; repeat for more (default: all)")
	flags.IntVar(&o.Runs, "runs", curves.DefaultRuns, "measurements at each point")
	flags.DurationVarP(&o.Duration, "duration", "d", curves.DefaultDuration, "time of each measurement")
	flags.DurationVar(&o.Warmup, "warmup", curves.DefaultWarmup, "time before each measurement")
	flags.Int64Var(&o.RowsMax, "rows-max", curves.DefaultRowsMax, "leave out points with more rows than this")
	flags.StringVar(&o.PlogSync, "plog-sync", "always", "when the clusters acknowledge a write: always, interval or none")
	flags.BoolVar(&o.Quick, "quick", false, fmt.Sprintf("rough figures: fewer points and rows, %d run of %v, unless their flags say otherwise", curves.QuickRuns, curves.QuickDuration))
	clusterFlags(cmd, &o.Dir, &o.Sets)
	return cmd
}
