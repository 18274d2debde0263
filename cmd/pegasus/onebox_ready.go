package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/rpc"
)

// readyPoll is how often the tables are looked at until all partitions are healthy.
const readyPoll = 20 * time.Millisecond

// waitReady returns when every partition of every table of the plan has a primary and all its secondaries.
func waitReady(ctx context.Context, p *plan, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errNotReady)
	defer cancel()
	watch, err := newHealthWatch(p)
	if err != nil {
		return err
	}
	defer watch.close()
	for {
		missing, err := watch.unhealthy(ctx)
		if err == nil && missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, errNotReady) {
				return cause // Ctrl-C, or a server that ended
			}
			if err != nil {
				missing = err.Error()
			}
			return fmt.Errorf("%w within %s: %s", errNotReady, timeout, missing)
		case <-time.After(readyPoll):
		}
	}
}

var errNotReady = errors.New("the cluster did not become ready")

func sayReady(out io.Writer, p *plan, o oneboxOptions, took time.Duration) {
	metas := p.addresses(roleMeta)
	var tables []string
	for _, t := range p.Tables {
		tables = append(tables, fmt.Sprintf("%s (%d partitions × %d replicas)", t.Name, t.Partitions, t.Replicas))
	}
	example := "temp"
	if len(p.Tables) > 0 {
		example = p.Tables[len(p.Tables)-1].Name
	}
	shell := os.Args[0] + " shell"
	if o.metaPort != 34601 || o.metas != 3 {
		shell += " -m " + strings.Join(metas, ",")
	}
	fmt.Fprintf(out, `Pegasus is ready after %.1f s.

  meta servers     %s
  replica servers  %s
  tables           %s
  data and logs    %s (kept; --clean starts afresh)

Try it:
  %s -c 'use %s' -c 'set hash sort value' -c 'get hash sort'
From a program:
  Java     PegasusClientFactory.createClient(ClientOptions.builder().metaServers("%s").build())
  Go       pegasus.NewClient(pegasus.Config{MetaServers: []string{"%s"}})
  Python   Pegasus(["%s"], "%s")
`, took.Seconds(), strings.Join(metas, " "), strings.Join(p.addresses(roleReplica), " "), strings.Join(tables, ", "), p.Given,
		shell, example, strings.Join(metas, ","), strings.Join(metas, `", "`), strings.Join(metas, `", "`), example)
	if o.processes {
		fmt.Fprintf(out, "Kill a server, and start it again (process ids: %s):\n  %s\n  %s\n",
			filepath.Join(p.Given, "*"+pidSuffix), p.control("kill replica2"), p.control("start replica2"))
	}
	fmt.Fprintln(out, "Ctrl-C stops it.")
}

// healthWatch asks the metas how the tables of a plan are.
type healthWatch struct {
	plan *plan
	pool *rpc.Pool
	conn *client.Client
}

// healthAnswer bounds one question to the metas: while they start, another one is asked soon.
const healthAnswer = time.Second

func newHealthWatch(p *plan) (*healthWatch, error) {
	quiet := slog.New(slog.DiscardHandler) // refused connections are normal while servers start
	pool := rpc.NewPool(rpc.PoolOptions{Dialect: rpc.THFTv1, Logger: quiet})
	conn, err := client.New(p.addresses(roleMeta), client.Options{Dialect: rpc.THFTv1, DialectSet: true, Pool: pool, Logger: quiet})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &healthWatch{plan: p, pool: pool, conn: conn}, nil
}

func (w *healthWatch) close() {
	w.conn.Close()
	w.pool.Close()
}

// unhealthy describes the first table that is not healthy yet, or returns "".
func (w *healthWatch) unhealthy(ctx context.Context) (string, error) {
	for _, t := range w.plan.Tables {
		ask, cancel := context.WithTimeout(ctx, healthAnswer)
		config, err := w.conn.Admin().QueryConfig(ask, t.Name)
		cancel()
		if err != nil {
			return "", fmt.Errorf("table %s: %w", t.Name, err)
		}
		if h := client.HealthOf(config); !h.OK() {
			return fmt.Sprintf("table %s has %d of %d partitions healthy", t.Name, h.FullyHealthy, h.Partitions), nil
		}
		if silent, err := w.silent(ctx, t.Name); err != nil || silent > 0 {
			return fmt.Sprintf("table %s has %d partitions that do not answer yet", t.Name, silent), err
		}
	}
	return "", nil
}

// probeMs bounds the reads that find out whether a primary serves.
const probeMs = 300

// silent counts the partitions whose primaries do not serve. After a restart the metas know all members from before, but a
// primary serves only once it has met its meta and the other members again.
func (w *healthWatch) silent(ctx context.Context, name string) (int, error) {
	ask, cancel := context.WithTimeout(ctx, healthAnswer)
	defer cancel()
	table, err := w.conn.Open(ask, name)
	if err != nil {
		return 0, fmt.Errorf("table %s: %w", name, err)
	}
	if err := table.Refresh(ask); err != nil {
		return 0, fmt.Errorf("table %s: %w", name, err)
	}
	count := table.PartitionCount()
	answers := make(chan bool, count)
	body := table.AppendKeyArg(nil, base.EncodeKey([]byte("pegasus onebox is ready"), nil))
	for index := range count {
		// A hash below the number of partitions is the partition's index; reads are answered whatever the key.
		table.Go(client.OpGet, uint64(index), body, probeMs, func(code base.ErrorCode, _ []byte) { answers <- code == base.ErrOK })
	}
	silent := 0
	for range count {
		if !<-answers {
			silent++
		}
	}
	return silent, nil
}
