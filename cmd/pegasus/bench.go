package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pegasus-go/pegasus/bench"
)

// defaultMetas are the meta servers of a onebox.
const defaultMetas = "127.0.0.1:34601,127.0.0.1:34602,127.0.0.1:34603"

func newBenchCommand() *cobra.Command {
	var o bench.Options
	var metas, dialect, distribution string
	var asJSON, load bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Load a cluster and report throughput, latency and server CPU per operation",
		Long: `Load a cluster and report throughput, latency percentiles and the servers' CPU time per operation.

Workloads and their distributions:
` + bench.Workloads() + `
In a closed loop (the default) every caller issues its next operation when the last one was answered. With --rate operations
are due at a fixed rate and their latency counts from then, so that a stall is seen by all that had to wait for it.

CPU time is measured when the servers run on this machine and belong to this user. Run them as processes of their own
(pegasus onebox --processes), so that a server's cost can be told from the rest.`,
		Example: `  pegasus bench --workload get --callers 32 --value-bytes 100
  pegasus bench --workload set --callers 512 --duration 30s --json
  pegasus bench --workload get --callers 48 --in-flight 16           # 16 in flight per connection
  pegasus bench --workload ycsb-a --rate 20000                       # open loop
  pegasus bench --workload multi_get --batch 100 --callers 16
  pegasus bench table                                                # all cases beside their targets`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Dialect, err = bench.ParseDialect(dialect); err != nil {
				return err
			}
			o.Metas, o.Distribution, o.SkipLoad = strings.Split(metas, ","), bench.Distribution(distribution), !load
			o.Progress, o.Overwrite = os.Stderr, isTerminal(os.Stderr)
			return runBench(cmd.Context(), o, asJSON, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&metas, "metas", "m", defaultMetas, "host:port,... of the meta servers")
	flags.StringVar(&o.Table, "table", "temp", "table to load; its rows are overwritten")
	flags.StringVarP(&o.Workload, "workload", "w", "get", "what to do, see above")
	flags.StringVar(&distribution, "distribution", "", "uniform, zipfian, latest or sequential (default: the workload's)")
	flags.Float64Var(&o.ReadShare, "read-share", 0.5, "part of get in workload mixed")
	flags.Float64Var(&o.MissShare, "miss", 0, "part of get operations that ask for rows that do not exist")
	flags.IntVarP(&o.Callers, "callers", "c", 32, "operations in flight; --threads is the same")
	flags.IntVar(&o.Callers, "threads", 32, "the same as --callers")
	flags.IntVar(&o.Connections, "connections", 0, "TCP connections per server, shared by the callers (default: as many as callers, at most 32)")
	flags.IntVar(&o.InFlight, "in-flight", 0, "instead of --connections: operations in flight on each connection")
	flags.Float64Var(&o.RatePerSecond, "rate", 0, "operations per second of an open loop (default: closed loop)")
	flags.DurationVar(&o.Warmup, "warmup", 2*time.Second, "time before measuring")
	flags.DurationVarP(&o.Duration, "duration", "d", 10*time.Second, "time of measuring")
	flags.Int32Var(&o.TimeoutMs, "timeout-ms", 5000, "of one operation, retries included")
	flags.Int64Var(&o.Rows, "rows", 100_000, "rows to load and choose from")
	flags.IntVar(&o.ValueBytes, "value-bytes", 100, "size of values")
	flags.IntVar(&o.Batch, "batch", 100, "rows per hash key of multi_get, multi_set and scan")
	flags.BoolVar(&load, "load", true, "write the rows first")
	flags.BoolVar(&o.LoadOnly, "load-only", false, "write the rows and end")
	flags.StringVar(&dialect, "dialect", "thft1", "wire dialect: thft0, thft1 or native")
	flags.Uint64Var(&o.Seed, "seed", 1, "of choices and values")
	flags.IntVar(&o.RowsPerKey, "rows-per-key", 1, "rows that share a hash key, in workloads that do not touch whole hash keys")
	flags.BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.AddCommand(newBenchCompareCommand(), newBenchTableCommand(), newBenchCurvesCommand(), newBenchTroubleCommand())
	return cmd
}

func runBench(ctx context.Context, o bench.Options, asJSON bool, out io.Writer) error {
	result, err := bench.Run(ctx, o)
	if err != nil {
		return fmt.Errorf("%w\nIs the cluster up? `pegasus onebox` starts one here, -m names another", err)
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(result)
	}
	return result.Text(out)
}

// clusterFlags are those of commands that start a cluster of their own.
func clusterFlags(cmd *cobra.Command, dir *string, sets *[]string) {
	cmd.Flags().StringVar(dir, "dir", "", "where temporary data directories are made (default: the system's place for temporary files)")
	cmd.Flags().StringArrayVar(sets, "set", nil, "section.key=value for the configuration of all servers; repeat for more")
}
