package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pegasus-go/pegasus/bench/report"
	"github.com/pegasus-go/pegasus/bench/table"
)

// tableFlags are those of `pegasus bench table` that are not options of the table itself.
type tableFlags struct {
	list        bool
	write, json string
}

func newBenchTableCommand() *cobra.Command {
	var o table.Options
	var f tableFlags
	cmd := &cobra.Command{
		Use:   "table",
		Short: "Measure the table of cases beside the original's figures and the targets",
		Long: `Measure a fixed table of cases and print it beside the original's figures and the targets.

Clusters of 3 meta servers and 3 replica servers are started as processes on free ports of this machine, with data in a temporary
directory, and are stopped at the end. Each row runs --runs times; medians are reported. Where redis-server and redis-benchmark are
on PATH, Redis is measured as a yardstick. Memory of idle servers and times of starting are measured too.

The table goes to standard output, progress to standard error. The whole of it takes about 12 minutes, with --quick about three. Ctrl-C
stops the servers and removes their data. Where a cluster fails, its rows say so, the rest is measured, and the exit code is 1.`,
		Example: `  pegasus bench table --quick                                   # a first look
  pegasus bench table --rows '^get' --runs 5                    # some rows
  pegasus bench table --list                                    # names of all rows
  pegasus bench table --json table.json --write docs/performance.md`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Quick {
				quickTable(cmd, &o)
			}
			return runBenchTable(cmd.Context(), o, f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Rows, "rows", "", "measure only rows whose name matches this regular expression")
	flags.BoolVar(&f.list, "list", false, "print the names of all rows and end")
	flags.IntVar(&o.Runs, "runs", table.DefaultRuns, "measurements of each row")
	flags.DurationVarP(&o.Duration, "duration", "d", table.DefaultDuration, "time of each measurement")
	flags.DurationVar(&o.Warmup, "warmup", table.DefaultWarmup, "time before each measurement")
	flags.Int64Var(&o.TableRows, "load-rows", table.DefaultTableRows, "rows to load and choose from")
	flags.BoolVar(&o.Quick, "quick", false, fmt.Sprintf("rough figures: %d run of %v, %d rows loaded, unless their flags say otherwise", table.QuickRuns, table.QuickDuration, table.QuickTableRows))
	flags.BoolVar(&o.Redis, "redis", true, "measure Redis as a yardstick where it is installed")
	clusterFlags(cmd, &o.Dir, &o.Sets)
	flags.StringVar(&f.json, "json", "", "write all figures of all runs to this file")
	flags.StringVar(&f.write, "write", "", "put the table between the markers <!-- "+table.Section+":begin --> and end of this page; not with --quick or --rows")
	return cmd
}

// quickTable shortens what was not asked for.
func quickTable(cmd *cobra.Command, o *table.Options) {
	flags := cmd.Flags()
	if !flags.Changed("runs") {
		o.Runs = table.QuickRuns
	}
	if !flags.Changed("duration") {
		o.Duration = table.QuickDuration
	}
	if !flags.Changed("load-rows") {
		o.TableRows = table.QuickTableRows
	}
}

func runBenchTable(ctx context.Context, o table.Options, f tableFlags, out, say io.Writer) error {
	if f.list {
		for _, name := range table.Names() {
			fmt.Fprintln(out, name)
		}
		return nil
	}
	if f.write != "" && (o.Rows != "" || o.Quick) {
		return fmt.Errorf("only a whole table is written to %s: --rows measures a part and --quick roughly. Leave out --write to see it on the terminal", f.write)
	}
	if f.write != "" {
		if err := report.CheckSection(f.write, table.Section); err != nil {
			return err
		}
	}
	o.Build, o.Progress = measuredBuild(), linesTo(say)
	if f.write != "" && o.Build.Commit == unknownCommit {
		return fmt.Errorf("%s should name the commit that was measured, and this program does not know its own: build it with `make build` in a clone (Go does not stamp builds in a git worktree)", f.write)
	}
	if f.json != "" {
		if _, err := os.Stat(filepath.Dir(f.json)); err != nil {
			return fmt.Errorf("place of the figures: %w", err)
		}
	}
	ctx, stop := untilHangup(ctx)
	defer stop()
	var err error
	if o.Executable, err = os.Executable(); err != nil {
		return fmt.Errorf("find the program to start servers with: %w", err)
	}
	r, err := table.Run(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprint(out, r.Markdown())
	if f.json != "" {
		var text bytes.Buffer
		if err := r.JSON(&text); err != nil {
			return err
		}
		if err := report.WriteFile(f.json, text.Bytes()); err != nil {
			return err
		}
	}
	if err := r.Failures(); err != nil {
		if f.write != "" {
			err = fmt.Errorf("%w\n%s stays as it is: only a whole table is written", err, f.write)
		}
		return err
	}
	if f.write == "" {
		return nil
	}
	if err := report.WriteSection(f.write, table.Section, r.Markdown()); err != nil {
		return err
	}
	fmt.Fprintf(say, "Written to %s after %s.\n", f.write, (time.Duration(r.Seconds) * time.Second))
	return nil
}

// untilHangup ends the context when the terminal is closed, so that servers which were started do not stay behind. Who started
// the program with nohup wants it to go on.
func untilHangup(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, func() {}
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// linesTo writes one line per message.
func linesTo(say io.Writer) func(format string, args ...any) {
	return func(format string, args ...any) { fmt.Fprintf(say, format+"\n", args...) }
}

func measuredBuild() report.Build {
	b := readBuild()
	return report.Build{Version: b.Version, Commit: b.Commit, Changed: b.Dirty, Go: runtime.Version()}
}
