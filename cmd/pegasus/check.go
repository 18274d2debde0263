package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/pegasus-go/pegasus/replica/check"
	"github.com/spf13/cobra"
)

// Exit codes of check.
const (
	checkDamaged    silentExit = 1
	checkImpossible silentExit = 2
)

func newCheckCommand() *cobra.Command {
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use:   "check DIR...",
		Short: "Verify the data directories of a replica server that does not run",
		Long: `Verify the data directories of a replica server that does not run.

Each DIR is a data directory (with replica/reps in it) or the directory of one replica; name all disks of a server
together, so that a replica which lies on two of them is noticed. Everything is read: info files, logs, and every block
and row of the stores. Nothing is changed. A directory that a running server uses is refused.

Exit code 0: everything is in order, 1: something is damaged, 2: the check could not be made, or not completely.`,
		Example: `  pegasus check /data1 /data2                         # all disks of a server
  pegasus check onebox/replica1/data
  pegasus check --json /data1/replica/reps/2.5.pegasus # one replica`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return nil
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "pegasus check: name at least one directory; see pegasus check --help\n")
			return checkImpossible
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o := check.Options{}
			if !quiet {
				o.Progress = progressTo(cmd.ErrOrStderr())
			}
			report, err := check.Run(cmd.Context(), args, o)
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "pegasus check: %v\n", err)
				return checkImpossible
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				err = e.Encode(report)
			} else {
				err = printReport(cmd.OutOrStdout(), report)
			}
			if err != nil {
				return err
			}
			return verdict(cmd.ErrOrStderr(), report)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress on standard error")
	return cmd
}

func verdict(out io.Writer, r *check.Report) error {
	if r.Damaged() {
		return checkDamaged
	}
	if err := r.Incomplete(); err != nil {
		fmt.Fprintf(out, "pegasus check: %v\n", err)
		return checkImpossible
	}
	return nil
}

// progressTo prints a line about long work, a second apart.
func progressTo(out io.Writer) func(replica string, bytes, rows int64) {
	last := time.Now()
	return func(replica string, bytes, rows int64) {
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		fmt.Fprintf(out, "%s: %d MiB of tables verified, %d rows read\n", replica, bytes>>20, rows)
	}
}

func printReport(out io.Writer, r *check.Report) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "REPLICA\tTABLE\tBALLOT\tSTORE\tROWS\tSIZE\tLOG\tVERDICT\tDIRECTORY")
	damaged, rows := 0, int64(0)
	for _, p := range r.Replicas {
		log := "empty"
		if p.LogLast >= p.LogFirst {
			log = fmt.Sprintf("%d..%d", p.LogFirst, p.LogLast)
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", p.Gpid, p.Table, p.Ballot, p.StoreDecree, p.Rows, size(p.StoreBytes), log, p.Verdict, p.Dir)
		rows += p.Rows
		if p.Verdict == "damaged" {
			damaged++
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, f := range r.Findings {
		fmt.Fprintf(out, "%s: %s: %s\n", f.Severity, f.Path, f.Text)
	}
	_, err := fmt.Fprintf(out, "%d replicas, %d damaged, %d rows, %d directories set aside\n", len(r.Replicas), damaged, rows, r.Aside)
	return err
}

func size(bytes int64) string {
	switch {
	case bytes >= 10<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	case bytes >= 10<<10:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}
