package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/pegasus-go/pegasus/shell"
)

func newShellCommand() *cobra.Command {
	var o shell.Options
	var metas string
	var commands []string
	cmd := &cobra.Command{
		Use:   "shell",
		Short: "Look at and change a cluster and its data",
		Long: `Look at and change a cluster and its data.

Without -c the shell reads from the terminal, with history and completion, or from a pipe. It prints what the shell of
Apache Pegasus prints. The exit code tells whether a command given with -c failed; for a pipe only with --strict.`,
		Example: `  pegasus shell
  pegasus shell -c 'ls -d'
  pegasus shell -c 'use temp' -c 'set hash sort value' -c 'get hash sort'
  echo 'nodes -d' | pegasus shell -m 10.0.0.1:34601,10.0.0.2:34601`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Metas = strings.Split(metas, ",")
			o.Command = strings.Join(commands, "\n")
			o.In, o.Out, o.Err = os.Stdin, os.Stdout, os.Stderr
			o.Interactive = o.Command == "" && isTerminal(os.Stdin) && isTerminal(os.Stdout)
			o.Version = readBuild().short()
			if code := shell.Run(cmd.Context(), o); code != shell.ExitOK {
				return silentExit(code)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&metas, "metas", "m", defaultMetas, "host:port,... of the meta servers; --cluster is the same")
	flags.StringVar(&metas, "cluster", defaultMetas, "the same as --metas")
	flags.StringArrayVarP(&commands, "command", "c", nil, "run this instead of reading; repeat for more")
	flags.StringVarP(&o.Cluster, "name", "n", "", "cluster name to show (default: what the cluster says)")
	flags.BoolVar(&o.Strict, "strict", false, "failed commands from a pipe make the exit code 1")
	flags.BoolVar(&o.Legacy, "legacy", false, "print remote_command as releases up to 2.4 did")
	return cmd
}

// isTerminal tells whether a person sits at the file.
func isTerminal(file *os.File) bool {
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
