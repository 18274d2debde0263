package sim

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/meta/cluster"
)

// BenchmarkSet writes 100 bytes to three replicas with 32 callers; everything, the client too, runs
// in this process. It is here for profiles.
func BenchmarkSet(b *testing.B) {
	app := cluster.DefaultApp{Name: "temp", Type: "pegasus", PartitionCount: 8, ReplicaCount: 3}
	c, err := StartInProcess(b.TempDir(), 3, []cluster.DefaultApp{app}, testLogger(b))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	cl, err := client.New([]string{c.Meta.Addr().String()}, client.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	ctx := context.Background()
	var table *client.Table
	for i := 0; table == nil; i++ {
		if table, err = cl.Open(ctx, "temp"); err != nil {
			if i > 200 {
				b.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	for table.Set(ctx, []byte("h"), []byte("s"), []byte("v"), 0) != nil {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	value := make([]byte, 100)
	var n atomic.Int64
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			k := fmt.Appendf(nil, "key%d", n.Add(1)%100_000)
			for table.Set(ctx, k, []byte("s"), value, 0) != nil {
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
}
