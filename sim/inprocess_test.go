package sim

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/meta/cluster"
)

func testLogger(testing.TB) *slog.Logger {
	level := slog.LevelWarn
	if os.Getenv("PEGASUS_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func TestSetAndGetOnThreeReplicas(t *testing.T) {
	app := cluster.DefaultApp{Name: "temp", Type: "pegasus", PartitionCount: 8, ReplicaCount: 3}
	c, err := StartInProcess(t.TempDir(), 3, []cluster.DefaultApp{app}, testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cl, err := client.New([]string{c.Meta.Addr().String()}, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var table *client.Table
	for table == nil {
		if table, err = cl.Open(ctx, "temp"); err != nil {
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	for i := range 100 {
		k := fmt.Appendf(nil, "key%d", i)
		for {
			err := table.Set(ctx, k, []byte("s"), k, 0)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	for i := range 100 {
		k := fmt.Appendf(nil, "key%d", i)
		v, found, err := table.Get(ctx, k, []byte("s"))
		if err != nil || !found || string(v) != string(k) {
			t.Fatalf("get %s: %q %v %v", k, v, found, err)
		}
	}
}
