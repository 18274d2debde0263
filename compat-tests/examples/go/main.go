package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/apache/incubator-pegasus/go-client/pegasus"
)

func main() {
	client := pegasus.NewClient(pegasus.Config{
		MetaServers: []string{"127.0.0.1:34601", "127.0.0.1:34602", "127.0.0.1:34603"},
	})
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()

	table, err := client.OpenTable(ctx, "temp")
	if err != nil {
		log.Fatal(err)
	}
	if err := table.Set(ctx, []byte("user_1"), []byte("name"), []byte("Ada")); err != nil {
		log.Fatal(err)
	}
	value, err := table.Get(ctx, []byte("user_1"), []byte("name"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("get: %s\n", value)

	visits, err := table.Incr(ctx, []byte("user_1"), []byte("visits"), 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("visits:", visits)
}
