package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/client"
)

type options struct {
	metas, table, harm, restore string
	repeat, tables              int
	before, after               time.Duration
	healthyWithin               time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.metas, "metas", "127.0.0.1:34601,127.0.0.1:34602,127.0.0.1:34603", "meta servers")
	flag.StringVar(&o.table, "table", "temp", "table to write to")
	flag.StringVar(&o.harm, "harm", "", "shell command that harms server number {n}; none: only measure")
	flag.StringVar(&o.restore, "restore", "", "shell command that brings it back")
	flag.IntVar(&o.repeat, "repeat", 1, "repetitions")
	flag.IntVar(&o.tables, "tables", 0, "tables to create and drop first, to see how soon they are usable")
	flag.DurationVar(&o.before, "before", 3*time.Second, "time of writing and reading before the harm")
	flag.DurationVar(&o.after, "after", 15*time.Second, "and after it")
	flag.DurationVar(&o.healthyWithin, "healthy-within", 2*time.Minute, "give up when the table is not healthy by then")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "availability:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	c, err := client.New(strings.Split(o.metas, ","), client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	if o.tables > 0 {
		usable, healthy, err := newTables(context.Background(), c, o, o.tables)
		if err != nil {
			return err
		}
		fmt.Printf("%d new tables of %d partitions: writable after %v (median) and %v (max), all members after %v and %v\n", len(usable), newTablePartitions,
			ms(quantile(usable, 0.5)), ms(slices.Max(usable)), ms(quantile(healthy, 0.5)), ms(slices.Max(healthy)))
	}
	var all []round
	for n := range o.repeat {
		r, err := oneRound(context.Background(), c, o)
		if err != nil {
			return fmt.Errorf("repetition %d: %w", n+1, err)
		}
		all = append(all, r)
		fmt.Printf("%d: %s, was primary of %d and secondary of %d partitions; back in all of them %.2f s after its start\n",
			n+1, r.victim, r.count(lostPrimary), r.count(lostSecondary), r.healthy.Seconds())
	}
	if len(all) > 0 {
		fmt.Print(summary(all))
	}
	return nil
}
