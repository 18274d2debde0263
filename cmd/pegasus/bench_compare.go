package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/pegasus-go/pegasus/bench/compare"
)

func newBenchCompareCommand() *cobra.Command {
	var o compare.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Compare the server CPU per operation of two programs or configurations, side by side",
		Long: `Compare what an operation costs the servers of two programs, or of one with two configurations.

A cluster of each is started on free ports of this machine, with data in a temporary directory, and both are put under the same closed loop at the same time.
What disturbs the machine disturbs both, so that ratios are within a few percent where runs one after the other are not within
twenty. Rates and latencies are those of a machine that serves two clusters.`,
		Example: `  pegasus bench compare --old ./before --new ./bin/pegasus                        # two builds
  pegasus bench compare --new-set pegasus.server.row_cache_percent=0 -w mixed     # two configurations of this one
  pegasus bench compare --old ./before -w get -w set --callers 128 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runBenchCompare(cmd.Context(), o, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Old.Executable, "old", "", "program of the one cluster (default: this one)")
	flags.StringVar(&o.New.Executable, "new", "", "program of the other cluster (default: this one)")
	flags.StringArrayVar(&o.Old.Sets, "old-set", nil, "section.key=value for the servers of the old program; repeat for more")
	flags.StringArrayVar(&o.New.Sets, "new-set", nil, "section.key=value for the servers of the new program; repeat for more")
	flags.StringArrayVarP(&o.Workloads, "workload", "w", []string{"get", "set"}, "what to do, as of `pegasus bench`; repeat for more")
	flags.IntVarP(&o.Load.Callers, "callers", "c", 32, "operations in flight on each cluster")
	flags.IntVar(&o.Load.ValueBytes, "value-bytes", 100, "size of values")
	flags.IntVar(&o.Load.Batch, "batch", 100, "rows per hash key of multi_get, multi_set and scan")
	flags.Float64Var(&o.Load.ReadShare, "read-share", 0.5, "part of get in workload mixed")
	flags.Float64Var(&o.Load.MissShare, "miss", 0, "part of get operations that ask for rows that do not exist")
	flags.Int64Var(&o.Load.Rows, "rows", compare.DefaultTableRows, "rows to load and choose from")
	flags.DurationVar(&o.Load.Warmup, "warmup", compare.DefaultWarmup, "time before measuring")
	flags.DurationVarP(&o.Load.Duration, "duration", "d", compare.DefaultDuration, "time of measuring, for each workload and round")
	flags.IntVar(&o.Rounds, "rounds", compare.DefaultRounds, "times that all is measured, with fresh clusters")
	flags.StringVar(&o.PlogSync, "plog-sync", "always", "when the clusters acknowledge a write: always, interval or none")
	flags.StringVar(&o.Dir, "dir", "", "where temporary data directories are made (default: the system's place for temporary files)")
	flags.BoolVar(&asJSON, "json", false, "print the figures of all rounds as JSON; of a pair the old program's comes first")
	return cmd
}

func runBenchCompare(ctx context.Context, o compare.Options, asJSON bool, out, say io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program to start servers with: %w", err)
	}
	for _, side := range []*compare.Side{&o.Old, &o.New} {
		if side.Executable == "" {
			side.Executable = self
		}
	}
	o.Progress = linesTo(say)
	ctx, stop := untilHangup(ctx)
	defer stop()
	cases, err := compare.Run(ctx, o)
	if err != nil {
		return err
	}
	if !asJSON {
		return compare.Text(out, cases)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(cases)
}
