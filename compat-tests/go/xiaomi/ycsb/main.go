// go-ycsb's core workload over its Pegasus binding: load, then run. The binding's update never reaches a server (it passes
// a nil sort key, which its client refuses), so runs are of reads and inserts.
//
//	ycsb -metas host:port,... -table T [-p name=value]...
package main

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/magiconair/properties"
	_ "github.com/pingcap/go-ycsb/db/pegasus"
	"github.com/pingcap/go-ycsb/pkg/client"
	"github.com/pingcap/go-ycsb/pkg/measurement"
	"github.com/pingcap/go-ycsb/pkg/prop"
	_ "github.com/pingcap/go-ycsb/pkg/workload"
	"github.com/pingcap/go-ycsb/pkg/ycsb"
)

type propertyFlags map[string]string

func (p propertyFlags) String() string { return "" }

func (p propertyFlags) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("want name=value, got %q", s)
	}
	p[name] = value
	return nil
}

func main() {
	metas := flag.String("metas", "127.0.0.1:34601,127.0.0.1:34602,127.0.0.1:34603", "meta servers")
	table := flag.String("table", "temp", "table")
	p := propertyFlags{
		"recordcount": "500", "operationcount": "2000", "threadcount": "4",
		"readproportion": "0.9", "insertproportion": "0.1", "updateproportion": "0", "scanproportion": "0",
		"requestdistribution": "zipfian",
	}
	flag.Var(p, "p", "property name=value")
	flag.Parse()
	p["meta_servers"], p["table"] = *metas, *table
	for _, phase := range []string{"load", "run"} {
		run(phase, p)
	}
}

func run(phase string, p propertyFlags) {
	props := properties.LoadMap(p)
	_, _, _ = props.Set(prop.Command, phase)
	_, _, _ = props.Set(prop.DoTransactions, fmt.Sprint(phase == "run"))
	measurement.InitMeasure(props)
	workload, err := ycsb.GetWorkloadCreator("core").Create(props)
	must(err)
	db, err := ycsb.GetDBCreator("pegasus").Create(props)
	must(err)
	fmt.Println("phase", phase)
	client.NewClient(props, workload, client.DbWrapper{DB: db}).Run(context.Background())
	measurement.Output()
	must(db.Close())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
