package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pegasus-go/pegasus/bench/trouble"
)

func newBenchTroubleCommand() *cobra.Command {
	var o trouble.Options
	var write string
	cmd := &cobra.Command{
		Use:   "trouble",
		Short: "Measure latency during learning, checkpoints, compaction, balance moves and with a slow peer, beside the quiet figures",
		Long: `Measure what clients see while a cluster has extra work or a slow server.

Troubles: ` + strings.Join(trouble.Names(), ", ") + `. Before each comes a quiet phase under the same load: an open loop of gets and sets at --rate, whose
latency counts from the time an operation was due.

One cluster of 3 meta servers and 4 replica servers is started as processes on free ports of this machine, with data in a temporary
directory (up to eight times --learn-bytes, beside the tenth of the disk that servers leave free), and is stopped at the end, by
Ctrl-C too. Progress goes to standard error. When a trouble fails, the error says where the servers' logs are.`,
		Example: `  pegasus bench trouble --quick                                 # a first look, two minutes
  pegasus bench trouble --trouble learn --learn-bytes 1073741824
  pegasus bench trouble --trouble learn --set nfs.max_copy_rate_megabytes_per_disk=50
  pegasus bench trouble --write docs/performance/trouble.md`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Quick {
				quickTrouble(cmd, &o)
			}
			return runBenchTrouble(cmd.Context(), o, write, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.Troubles, "trouble", nil, "measure this trouble; repeat for more (default: all)")
	flags.Float64Var(&o.Rate, "rate", 0, "operations per second (default: a tenth of what a closed loop reaches, which batches better)")
	flags.Int64Var(&o.Rows, "rows", trouble.DefaultRows, "rows of the clients' table")
	flags.IntVar(&o.ValueBytes, "value-bytes", trouble.DefaultValueBytes, "size of its values")
	flags.Int64Var(&o.LearnBytes, "learn-bytes", trouble.DefaultLearnBytes, "size of the partition that is learned, and compacted")
	flags.DurationVar(&o.Quiet, "quiet", trouble.DefaultQuiet, "time of the quiet phase before each trouble")
	flags.DurationVarP(&o.Length, "duration", "d", trouble.DefaultLength, "time of troubles that do not end by themselves")
	flags.StringVar(&o.PlogSync, "plog-sync", "always", "when the cluster acknowledges a write: always, interval or none")
	flags.BoolVar(&o.Quick, "quick", false, fmt.Sprintf("rough figures: %d rows, %d MB to learn, phases of %v, unless their flags say otherwise", trouble.QuickRows, trouble.QuickLearnBytes>>20, trouble.QuickLength))
	clusterFlags(cmd, &o.Dir, &o.Sets)
	flags.StringVar(&write, "write", "", "put each trouble between its markers in this page, and its picture beside it; not with --quick")
	return cmd
}

// quickTrouble shortens what was not asked for.
func quickTrouble(cmd *cobra.Command, o *trouble.Options) {
	flags := cmd.Flags()
	if !flags.Changed("rows") {
		o.Rows = trouble.QuickRows
	}
	if !flags.Changed("learn-bytes") {
		o.LearnBytes = trouble.QuickLearnBytes
	}
	if !flags.Changed("quiet") {
		o.Quiet = trouble.QuickQuiet
	}
	if !flags.Changed("duration") {
		o.Length = trouble.QuickLength
	}
}

func runBenchTrouble(ctx context.Context, o trouble.Options, write string, out, say io.Writer) error {
	o.Build, o.Progress = measuredBuild(), linesTo(say)
	if write != "" {
		if o.Quick {
			return errors.New("figures of a quick try are not kept: leave out --quick or --write")
		}
		if o.Build.Commit == unknownCommit {
			return fmt.Errorf("%s should name the commit that was measured, and this program does not know its own: build it in a checkout with `make build`", write)
		}
		if err := trouble.Check(write, o.Troubles); err != nil {
			return err
		}
	}
	var err error
	if o.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("find the program to start servers with: %w", err)
	}
	return trouble.Run(ctx, o, func(m *trouble.Measured) error {
		fmt.Fprintln(out, m.Text())
		if write == "" {
			return nil
		}
		return m.Write(write)
	})
}
