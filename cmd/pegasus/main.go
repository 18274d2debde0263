package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRootCommand().ExecuteContext(ctx)
	stop()
	os.Exit(exitCode(err))
}

// silentExit ends the program with a code when everything worth saying was said.
type silentExit int

func (e silentExit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var silent silentExit
	if errors.As(err, &silent) {
		return int(silent)
	}
	fmt.Fprintf(os.Stderr, "pegasus: %v\n", err)
	return 1
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "pegasus",
		Short: "A replicated key-value store that speaks the protocol of Apache Pegasus",
		Long: `A replicated key-value store that speaks the protocol of Apache Pegasus.

Start a cluster on this machine with "pegasus onebox", then point an application at 127.0.0.1:34601 or type into
"pegasus shell".`,
		Example: `  pegasus onebox                          # 3 meta servers, 3 replica servers, tables temp and stat
  pegasus shell -c 'ls -d'                # one command to the onebox
  pegasus server --config meta.toml       # one server of a real cluster
  pegasus bench --workload ycsb-a         # measure
  pegasus check /data1 /data2             # verify the disks of a stopped server`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newOneboxCommand(), newServerCommand(), newShellCommand(), newBenchCommand(), newCheckCommand(), newVersionCommand(), newWitnessCommand(),
	)
	return root
}
