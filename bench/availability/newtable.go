package main

import (
	"context"
	"fmt"
	"time"

	"github.com/pegasus-go/pegasus/client"
)

const (
	newTablePartitions = 8
	newTableReplicas   = 3
)

// newTables creates and drops tables and returns how long each took from the request until every partition had taken a
// write, and until it had all its members.
func newTables(ctx context.Context, c *client.Client, o options, n int) (usable, healthy []time.Duration, err error) {
	for i := range n {
		name := fmt.Sprintf("availability_%d_%d", time.Now().UnixMilli(), i)
		start := time.Now()
		if _, err := c.Admin().CreateApp(ctx, name, client.CreateOptions{Partitions: newTablePartitions, Replicas: newTableReplicas}); err != nil {
			return usable, healthy, err
		}
		table, err := c.Open(ctx, name)
		if err != nil {
			return usable, healthy, err
		}
		for _, key := range keyPerPartition(newTablePartitions) {
			if err := table.Set(ctx, key, []byte("s"), []byte("v"), 0); err != nil {
				return usable, healthy, err
			}
		}
		usable = append(usable, time.Since(start))
		if _, err := awaitHealthy(ctx, c, options{table: name, healthyWithin: o.healthyWithin}); err != nil {
			return usable, healthy, err
		}
		healthy = append(healthy, time.Since(start))
		if err := c.Admin().DropApp(ctx, name, 1, true); err != nil {
			return usable, healthy, err
		}
	}
	return usable, healthy, nil
}
