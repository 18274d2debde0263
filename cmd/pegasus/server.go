package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/conf"
	"github.com/spf13/cobra"
)

// server is one running role.
type server interface {
	Close() error
}

func newServerCommand() *cobra.Command {
	var config string
	var log logFlags
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run one server from a configuration file",
		Long: `Run one server from a configuration file.

The file is TOML with the section and key names of Apache Pegasus. The roles are those that have a section [apps.meta] or
[apps.replica] in it whose run is not false. conf/meta.toml and conf/replica.toml name every key with its default.
SIGTERM stops the server gracefully: it hands over its primaries, flushes, and leaves nothing to replay. Ctrl-C (SIGINT) does
the same without handing over: right when the whole cluster stops.`,
		Example: `  pegasus server --config conf/meta.toml
  pegasus server --config conf/replica.toml --log-file /var/log/pegasus/replica.log --log-format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runServer(cmd.Context(), config, log) },
	}
	cmd.Flags().StringVar(&config, "config", "", "TOML file (required)")
	if err := cmd.MarkFlagRequired("config"); err != nil {
		panic(err) // the flag is registered one line above
	}
	log.register(cmd.Flags())
	return cmd
}

func runServer(ctx context.Context, config string, log logFlags) error {
	logger, logFile, err := log.open()
	if err != nil {
		return err
	}
	defer logFile.Close()
	slog.SetDefault(logger)
	began := time.Now()
	var servers []server
	c, err := loadConfig(config)
	if err == nil {
		loosened := loosenTimers(ctx, c.Core.TimerSlackNs.Duration())
		logger.Info("start", "build", readBuild().String(), "config", config)
		if loosened != nil {
			logger.Warn("[core] timer_slack_ns is not in effect, writes cost more processor time", "err", loosened)
		}
		servers, err = startServers(config, c, logger)
	}
	if err != nil {
		logger.Error("start failed", "err", err)
		return err
	}
	logger.Info("started", "took", time.Since(began))
	dismiss := startWitnesses(servers, logger)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	<-ctx.Done()
	logger.Info("stop")
	stopping := time.Now()
	select {
	case <-terminated:
		err = leave(servers) // the witnesses tell of the end, so that nobody waits for this server as a secondary
	case <-time.After(signalGap):
		err = closeAll(servers)
		dismiss()
	}
	logger.Info("stopped", "took", time.Since(stopping), "err", err)
	return err
}

// loadConfig reads a configuration file that has a role to run.
func loadConfig(path string) (*conf.Config, error) {
	c, err := conf.Load(path)
	if err == nil && !c.AppsMeta.Run && !c.AppsReplica.Run {
		err = fmt.Errorf("%s: no role to run: it has no section [apps.%s] or [apps.%s]", path, conf.RoleMeta, conf.RoleReplica)
	}
	return c, err
}

// signalGap is how long after the end of the context the signal that ended it may still be seen.
const signalGap = 20 * time.Millisecond

// handOverMax bounds how long a stopping replica server gives its primaries away.
const handOverMax = 3 * time.Second

// leave ends the servers of a cluster that goes on without them.
func leave(servers []server) error {
	ctx, cancel := context.WithTimeout(context.Background(), handOverMax)
	defer cancel()
	var all []error
	for i := len(servers) - 1; i >= 0; i-- {
		if s, ok := servers[i].(interface{ Shutdown(context.Context) error }); ok {
			all = append(all, s.Shutdown(ctx))
			continue
		}
		all = append(all, servers[i].Close())
	}
	return errors.Join(all...)
}

// closeAll ends servers in the reverse order of their start.
func closeAll(servers []server) error {
	var all []error
	for i := len(servers) - 1; i >= 0; i-- {
		all = append(all, servers[i].Close())
	}
	return errors.Join(all...)
}

// started collects servers that run, so that a failure stops them again.
type started struct{ list []server }

func (s *started) add(name string, one server, err error) error {
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", name, err), closeAll(s.list))
	}
	s.list = append(s.list, one)
	return nil
}
