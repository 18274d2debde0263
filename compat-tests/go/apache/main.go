// The Apache Go client, driven through its whole public API against a cluster whose table is empty.
//
//	apache -metas host:port,... -replicas host:port,... -table T -mode api|admin|load|history
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/apache/incubator-pegasus/go-client/pegasus"
	"github.com/pegasus-go/pegasus/compat-tests/go/check"
)

func main() {
	metas := flag.String("metas", "127.0.0.1:34601,127.0.0.1:34602,127.0.0.1:34603", "meta servers")
	replicas := flag.String("replicas", "127.0.0.1:34801,127.0.0.1:34802,127.0.0.1:34803", "replica servers")
	name := flag.String("table", "temp", "table, empty at the start")
	mode := flag.String("mode", "api", "api, admin, load or history")
	var history check.HistoryOptions
	flag.IntVar(&history.Callers, "callers", 2, "callers of a history")
	flag.IntVar(&history.Registers, "registers", 4, "registers that are worked on at a time")
	flag.Int64Var(&history.EpochMs, "epoch-ms", 30000, "time after which a key is replaced by a new one")
	flag.Int64Var(&history.Seed, "seed", 1, "seed of a history")
	flag.Parse()

	client := pegasus.NewClient(pegasus.Config{MetaServers: strings.Split(*metas, ",")})
	var tb pegasus.TableConnector
	if err := check.In(func(ctx context.Context) (err error) { tb, err = client.OpenTable(ctx, *name); return }); err != nil {
		fmt.Println("FAILED open table:", err)
		os.Exit(1)
	}
	switch *mode {
	case "api":
		s := check.NewSuite(table{tb}, true)
		s.Run()
		opening(s, client, *name, tb)
		s.Exit()
	case "admin":
		s := &adminSuite{metas: strings.Split(*metas, ","), replicas: strings.Split(*replicas, ","), table: *name}
		s.admin()
		s.metaCalls()
		s.replicaCalls()
		s.Exit()
	case "load":
		check.RunLoad(tb, fmt.Sprint(time.Now().UnixNano()))
	case "history":
		history.Client = "apache-go"
		check.RunHistory(table{tb}, history)
	}
}

// opening comes last, because it closes the table and the client.
func opening(s *check.Suite, client pegasus.Client, name string, tb pegasus.TableConnector) {
	s.Section("opening tables", func() {
		err := check.In(func(ctx context.Context) error { _, err := client.OpenTable(ctx, "no such table"); return err })
		s.Refused(err, "ERR_OBJECT_NOT_FOUND", "open an absent table")
		again, err := client.OpenTable(context.Background(), name)
		s.Must(err, "open the known table again")
		s.That(again == tb, "an opened table is reused")
		s.Must(tb.Close(), "close table")
		s.Must(client.Close(), "close client")
	})
}
