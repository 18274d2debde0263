package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

type options struct {
	metas, table, victim string
	before, after        time.Duration
	command              []string
}

// outage is what one partition's writer saw.
type outage struct {
	role   string
	gap    time.Duration
	errors int
}

func main() {
	var o options
	flag.StringVar(&o.metas, "metas", "127.0.0.1:34601,127.0.0.1:34602,127.0.0.1:34603", "meta servers")
	flag.StringVar(&o.table, "table", "temp", "table to write to")
	flag.StringVar(&o.victim, "victim", "", "address of the server that the command harms, to tell its roles apart")
	flag.DurationVar(&o.before, "before", 3*time.Second, "time of writing before the command")
	flag.DurationVar(&o.after, "after", 20*time.Second, "time of writing after it")
	flag.Parse()
	o.command = flag.Args()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "availability:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if len(o.command) == 0 {
		return errors.New("no command given; see -help")
	}
	c, err := client.New(strings.Split(o.metas, ","), client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), o.before+o.after+time.Minute)
	defer cancel()
	table, err := c.Open(ctx, o.table)
	if err != nil {
		return err
	}
	outages := make([]outage, table.PartitionCount())
	for i := range outages {
		outages[i].role = "secondary"
		if table.Primary(int32(i)).String() == o.victim {
			outages[i].role = "primary"
		}
	}
	stop := time.Now().Add(o.before + o.after)
	var writers sync.WaitGroup
	for i, key := range keyPerPartition(len(outages)) {
		writers.Go(func() { outages[i].watch(ctx, table, key, stop) })
	}
	time.Sleep(o.before)
	out, err := exec.CommandContext(ctx, o.command[0], o.command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(o.command, " "), err, out)
	}
	writers.Wait()
	fmt.Printf("partition  victim was  longest gap  errors\n")
	for i, out := range outages {
		fmt.Printf("%9d  %-10s  %11s  %6d\n", i, out.role, out.gap.Round(time.Millisecond), out.errors)
	}
	return nil
}

func keyPerPartition(n int) [][]byte {
	keys := make([][]byte, n)
	for i, left := 0, n; left > 0; i++ {
		key := fmt.Appendf(nil, "availability-%d", i)
		if p := base.PartitionIndex(base.CRC64(key), int32(n)); keys[p] == nil {
			keys[p] = key
			left--
		}
	}
	return keys
}

// watch writes without a pause longer than a few milliseconds; the client retries by itself.
func (o *outage) watch(ctx context.Context, table *client.Table, key []byte, stop time.Time) {
	last := time.Now()
	for time.Now().Before(stop) {
		attempt, cancel := context.WithTimeout(ctx, 15*time.Second)
		err := table.Set(attempt, key, []byte("s"), []byte("v"), 0)
		cancel()
		if err != nil {
			o.errors++
			continue
		}
		o.gap = max(o.gap, time.Since(last))
		last = time.Now()
		time.Sleep(2 * time.Millisecond)
	}
}
