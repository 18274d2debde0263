package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// errSharedProcess is what commands about one server say when there is one process for all.
var errSharedProcess = errors.New("the servers of this onebox share one process: run it with --processes to treat them one by one")

// membersOf lists the servers a onebox directory holds, by name.
func membersOf(dir string) ([]member, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	configs, err := filepath.Glob(filepath.Join(dir, "*", "config.toml"))
	if err != nil || len(configs) == 0 {
		return nil, fmt.Errorf("no onebox in %s: start one with `pegasus onebox --dir %s`", dir, dir)
	}
	sort.Strings(configs)
	var list []member
	for _, config := range configs {
		home := filepath.Dir(config)
		list = append(list, member{Name: filepath.Base(home), Dir: home, Config: config})
	}
	return list, nil
}

func memberOf(dir, name string) (member, error) {
	list, err := membersOf(dir)
	if err != nil {
		return member{}, err
	}
	return (&plan{Members: list}).find(name)
}

func newOneboxControlCommands() []*cobra.Command {
	stop := &cobra.Command{
		Use:     "stop [NAME...]",
		Short:   "Stop the onebox, or some of its servers, gracefully",
		Example: "  pegasus onebox stop\n  pegasus onebox stop replica2",
		RunE: func(cmd *cobra.Command, names []string) error {
			return controlStop(dirFlag(cmd), names, cmd.OutOrStdout())
		},
	}
	kill := &cobra.Command{
		Use:     "kill NAME...",
		Short:   "Kill servers at once (SIGKILL)",
		Example: "  pegasus onebox kill replica2",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return controlKill(dirFlag(cmd), names, cmd.OutOrStdout())
		},
	}
	start := &cobra.Command{
		Use:     "start NAME...",
		Short:   "Start servers that were stopped or killed",
		Example: "  pegasus onebox start replica2",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return controlStart(dirFlag(cmd), names, cmd.OutOrStdout())
		},
	}
	list := &cobra.Command{
		Use:     "list",
		Short:   "List the servers and their processes",
		Example: "  pegasus onebox list",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return controlList(dirFlag(cmd), cmd.OutOrStdout()) },
	}
	commands := []*cobra.Command{stop, kill, start, list}
	for _, c := range commands {
		c.Flags().String("dir", oneboxDirDefault, "directory of the onebox")
	}
	return commands
}

func dirFlag(cmd *cobra.Command) string {
	dir, _ := cmd.Flags().GetString("dir") // it is registered above
	return dir
}

// supervisorOf returns the process of the running onebox, or 0.
func supervisorOf(dir string) int { return readPid(filepath.Join(dir, oneboxPidName)) }

func controlStop(dir string, names []string, say io.Writer) error {
	members, err := membersOf(dir)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		for _, name := range names {
			if _, err := livingMember(dir, name); err != nil {
				return err
			}
		}
		stopByPid(dir, names, stopOne, say)
		return nil
	}
	if pid := supervisorOf(dir); pid != 0 {
		if err := unix.Kill(pid, unix.SIGTERM); err != nil {
			return fmt.Errorf("stop the onebox, process %d: %w", pid, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*stopWait)
		defer cancel()
		if !waitGone(ctx, pid) {
			return fmt.Errorf("the onebox, process %d, does not stop", pid)
		}
	}
	for _, m := range members { // what a killed supervisor left
		names = append(names, m.Name)
	}
	stopByPid(dir, names, stopAll, say)
	return nil
}

// livingMember returns the process of a server.
func livingMember(dir, name string) (int, error) {
	if _, err := memberOf(dir, name); err != nil {
		return 0, err
	}
	pid := readPid(pidPath(dir, name))
	if pid == 0 {
		if _, err := os.Stat(pidPath(dir, name)); err != nil && supervisorOf(dir) != 0 {
			return 0, fmt.Errorf("%s: %w", name, errSharedProcess)
		}
		return 0, fmt.Errorf("%s is not running", name)
	}
	return pid, nil
}

func controlKill(dir string, names []string, say io.Writer) error {
	for _, name := range names {
		pid, err := livingMember(dir, name)
		if err != nil {
			return err
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			return fmt.Errorf("kill %s, process %d: %w", name, pid, err)
		}
		fmt.Fprintf(say, "%s, process %d, killed\n", name, pid)
	}
	return nil
}

func controlStart(dir string, names []string, say io.Writer) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program to start servers with: %w", err)
	}
	for _, name := range names {
		m, err := memberOf(dir, name)
		if err != nil {
			return err
		}
		if pid := readPid(pidPath(dir, name)); pid != 0 {
			return fmt.Errorf("%s runs already, process %d", name, pid)
		}
		if _, err := os.Stat(pidPath(dir, name)); err != nil && supervisorOf(dir) != 0 && !anyPid(dir) {
			return fmt.Errorf("%s: %w", name, errSharedProcess)
		}
		cmd, err := launch(executable, dir, m)
		if err != nil {
			return err
		}
		fmt.Fprintf(say, "%s started, process %d\n", name, cmd.Process.Pid)
	}
	return nil
}

// anyPid tells whether the onebox runs its servers as processes.
func anyPid(dir string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*"+pidSuffix))
	return err == nil && (len(files) > 1 || (len(files) == 1 && filepath.Base(files[0]) != oneboxPidName))
}

func controlList(dir string, out io.Writer) error {
	members, err := membersOf(dir)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "server\tprocess\tdirectory")
	shared := supervisorOf(dir)
	for _, m := range members {
		process := "not running"
		if pid := readPid(pidPath(dir, m.Name)); pid != 0 {
			process = fmt.Sprint(pid)
		} else if shared != 0 && !anyPid(dir) {
			process = fmt.Sprintf("%d (shared)", shared)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", m.Name, process, m.Dir)
	}
	return table.Flush()
}
