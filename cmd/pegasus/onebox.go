package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

const oneboxDirDefault = "onebox"

// oneboxOptions are the flags of `pegasus onebox`.
type oneboxOptions struct {
	dir                   string
	clean, processes      bool
	zookeeper             string
	metas, replicas       int
	metaPort, replicaPort int
	tables, sets          []string
	plogSync              string
	readyTimeout          time.Duration
	log                   logFlags
}

func newOneboxCommand() *cobra.Command {
	var o oneboxOptions
	cmd := &cobra.Command{
		Use:   "onebox",
		Short: "Run a whole cluster on this machine",
		Long: `Run a whole cluster on this machine: 3 meta servers, 3 replica servers, and the tables temp and stat.

Everything runs in this process unless --processes is given. Data is kept in --dir between runs. The servers listen on all
interfaces and know each other, and tell clients of each other, as 127.0.0.1. Ctrl-C stops all gracefully.`,
		Example: `  pegasus onebox                               # start, or continue where the last one stopped
  pegasus onebox --clean                       # start afresh
  pegasus onebox --processes                   # one process per server, to be killed: pegasus onebox kill replica2
  pegasus onebox --zookeeper 127.0.0.1:2181    # keep the meta state in ZooKeeper
  pegasus onebox --table temp:8 --table orders:16
  pegasus onebox --dir b --meta-port 35601 --replica-port 35801   # a second one beside the first`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runOnebox(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.dir, "dir", oneboxDirDefault, "directory of data, configuration and logs")
	flags.BoolVar(&o.clean, "clean", false, "remove the data of earlier runs first")
	flags.BoolVar(&o.processes, "processes", false, "run each server as a process of its own")
	flags.StringVar(&o.zookeeper, "zookeeper", "", "host:port,... of a ZooKeeper for the meta state (default: a store in --dir)")
	flags.IntVar(&o.metas, "metas", 3, "number of meta servers")
	flags.IntVar(&o.replicas, "replicas", 3, "number of replica servers")
	flags.IntVar(&o.metaPort, "meta-port", 34601, "port of the first meta server; the others follow")
	flags.IntVar(&o.replicaPort, "replica-port", 34801, "port of the first replica server; the others follow")
	flags.StringArrayVar(&o.tables, "table", []string{"stat:4", "temp:8"}, "name:partitions[:replicas] of a table to create on the first start; repeat for more")
	flags.StringVar(&o.plogSync, "plog-sync", "always", "when a write is acknowledged: always (on disk), interval or none (in memory)")
	flags.StringArrayVar(&o.sets, "set", nil, "section.key=value for the configuration of all servers; repeat for more")
	flags.DurationVar(&o.readyTimeout, "ready-timeout", time.Minute, "give up when the cluster is not ready by then")
	o.log.register(flags)
	cmd.AddCommand(newOneboxControlCommands()...)
	return cmd
}

// runningOnebox is the servers of a onebox, however they run.
type runningOnebox interface {
	stop()
}

func runOnebox(ctx context.Context, o oneboxOptions, out io.Writer) error {
	began := time.Now()
	p, err := newPlan(o)
	if err != nil {
		return err
	}
	lock, err := lockDir(p.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := checkPorts(p, passingWait); err != nil {
		return err
	}
	if o.clean {
		if err := cleanDir(p.Dir); err != nil {
			return err
		}
	}
	if err := p.write(); err != nil {
		return err
	}
	if o.log.file == "" {
		o.log.file = filepath.Join(p.Dir, oneboxLogName)
	}
	logger, logFile, err := o.log.open()
	if err != nil {
		return err
	}
	defer logFile.Close()
	pidFile := filepath.Join(p.Dir, oneboxPidName)
	if err := writePid(pidFile, os.Getpid()); err != nil {
		return fmt.Errorf("onebox directory: %w", err)
	}
	defer os.Remove(pidFile)

	fmt.Fprintf(out, "Starting %d meta servers and %d replica servers, data in %s ...\n", o.metas, o.replicas, p.Given)
	starting, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	servers, err := startOnebox(p, o.processes, logger, out, giveUp)
	if err != nil {
		return err
	}
	err = waitReady(starting, p, o.readyTimeout)
	if err == nil {
		sayReady(out, p, o, time.Since(began))
		<-ctx.Done()
	}
	stopping := time.Now()
	fmt.Fprintln(out, "Stopping ...")
	servers.stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w\nThe logs are in %s", err, p.Given)
	}
	fmt.Fprintf(out, "Stopped after %.1f s. The data stays in %s.\n", time.Since(stopping).Seconds(), p.Given)
	return nil
}

func startOnebox(p *plan, processes bool, logger *slog.Logger, say io.Writer, onFailure func(error)) (runningOnebox, error) {
	if processes {
		s, err := newSupervisor(p, say, onFailure)
		if err != nil {
			return nil, err
		}
		return s, s.start()
	}
	return startInProcess(p, logger)
}

// inProcess is a onebox whose servers share this process.
type inProcess struct {
	servers []server // metas first
	logger  *slog.Logger
}

func startInProcess(p *plan, logger *slog.Logger) (*inProcess, error) {
	o := &inProcess{logger: logger}
	for _, m := range p.Members {
		logger := logger.With("server", m.Name)
		c, err := loadConfig(m.Config)
		var started []server
		if err == nil {
			started, err = startServers(m.Config, c, logger)
		}
		if err != nil {
			o.stop()
			return nil, fmt.Errorf("start %s: %w", m.Name, err)
		}
		o.servers = append(o.servers, started...)
	}
	return o, nil
}

// stop ends the replica servers while the metas still answer, so that primaries can be handed over.
func (o *inProcess) stop() {
	for i := len(o.servers) - 1; i >= 0; i-- {
		if err := o.servers[i].Close(); err != nil {
			o.logger.Error("stop", "err", err)
		}
	}
}
