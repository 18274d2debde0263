// XiaoMi's Go client of 2018 (the one go-ycsb uses), driven through its whole public API, by both of its client packages.
//
//	xiaomi -metas host:port,... -table T -client pegasus|pegasus2 -mode api|load
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/XiaoMi/pegasus-go-client/pegasus"
	"github.com/XiaoMi/pegasus-go-client/pegasus2"
	"github.com/pegasus-go/pegasus/compat-tests/go/check"
)

type client interface {
	OpenTable(ctx context.Context, name string) (pegasus.TableConnector, error)
	Close() error
}

// table gives the client's table the types of package check.
type table struct{ pegasus.TableConnector }

func main() {
	metas := flag.String("metas", "127.0.0.1:34601,127.0.0.1:34602,127.0.0.1:34603", "meta servers")
	name := flag.String("table", "temp", "table, empty at the start")
	which := flag.String("client", "pegasus", "pegasus or pegasus2")
	mode := flag.String("mode", "api", "api or load")
	flag.Parse()

	config := pegasus.Config{MetaServers: strings.Split(*metas, ",")}
	var c client = pegasus.NewClient(config)
	if *which == "pegasus2" {
		c = pegasus2.NewClient(config)
	}
	var tb pegasus.TableConnector
	if err := check.In(func(ctx context.Context) (err error) { tb, err = c.OpenTable(ctx, *name); return }); err != nil {
		fmt.Println("FAILED open table:", err)
		os.Exit(1)
	}
	if *mode == "load" {
		check.RunLoad(tb, fmt.Sprint(time.Now().UnixNano()))
	}
	s := check.NewSuite(table{tb}, false)
	s.Run()
	s.Section("opening tables", func() {
		err := check.In(func(ctx context.Context) error { _, err := c.OpenTable(ctx, "no such table"); return err })
		s.Refused(err, "ERR_OBJECT_NOT_FOUND", "open an absent table")
		s.Must(tb.Close(), "close table")
		s.Must(c.Close(), "close client")
	})
	s.Exit()
}
