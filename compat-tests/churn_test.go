package compattests

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

const (
	churnTimeout    = 60 * time.Second
	churnRows       = 20
	churnPartitions = 4
)

// table is born, used and dropped, with a client of its own, at the first try or after the meta servers have a leader again.
func (ch *churn) table(n int) {
	ctx, cancel := context.WithTimeout(context.Background(), churnTimeout)
	defer cancel()
	conn, err := client.New(ch.c.Metas, client.Options{OpTimeout: churnTimeout})
	if err != nil {
		ch.t.Errorf("client: %v", err)
		return
	}
	defer conn.Close()
	name := fmt.Sprintf("churn%d", n)
	for {
		if err = ch.useTable(ctx, conn, name); err == nil {
			ch.tables++
			return
		}
		if ctx.Err() != nil {
			ch.t.Errorf("table %s: %v", name, err)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (ch *churn) useTable(ctx context.Context, conn *client.Client, name string) error {
	if _, err := conn.Admin().CreateApp(ctx, name, client.CreateOptions{Partitions: churnPartitions, Replicas: 3}); err != nil {
		return err
	}
	table, err := conn.Open(ctx, name)
	if err != nil {
		return err
	}
	for i := range churnRows {
		if err := table.Set(ctx, fmt.Append(nil, i), []byte("s"), []byte("v"), 0); err != nil {
			return err
		}
	}
	switch n, err := table.CountData(ctx, client.ScanOptions{}); {
	case err != nil:
		return err
	case n != churnRows:
		ch.t.Errorf("table %s has %d rows, want %d", name, n, churnRows)
	}
	return conn.Admin().DropApp(ctx, name, 1, true)
}

// connect opens a connection to each server in turn and leaves it in one of the ways that connections are left.
func (ch *churn) connect(n int) {
	servers := append(append([]string{}, ch.c.Metas...), ch.c.Replicas...)
	to := servers[n%len(servers)]
	conn, err := net.DialTimeout("tcp", to, time.Second)
	if err != nil {
		return // it is being restarted
	}
	defer conn.Close()
	frame := thft.Header{AppID: 2, TimeoutMs: 1000}.Frame(thft.Body("RPC_RRDB_RRDB_GET", 1, thft.WrapBlob(thft.Key("churn", ""))))
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // a server that ends in between is no matter
	switch n / len(servers) % 5 {
	case 0: // said nothing
	case 1: // in the middle of a frame
		_, _ = conn.Write(frame[:len(frame)/2])
	case 2: // without reading the answer, by reset
		_, _ = conn.Write(frame)
		_ = conn.(*net.TCPConn).SetLinger(0)
	case 3: // after the answer
		_, _ = conn.Write(frame)
		_, _ = conn.Read(make([]byte, 256))
	case 4: // over HTTP, kept alive
		_, _ = conn.Write([]byte("GET /version HTTP/1.1\r\nHost: x\r\n\r\n"))
		_, _ = conn.Read(make([]byte, 256))
	}
	ch.connections++
}

// restart takes one of two servers down, by request or by force, and brings it back.
func (ch *churn) restart(n int) {
	name := []string{"replica3", "meta3"}[n%2]
	how := syscall.SIGTERM
	if n/2%2 == 1 {
		how = syscall.SIGKILL
	}
	pid := ch.c.Pids()[name]
	if err := syscall.Kill(pid, how); err != nil {
		ch.t.Errorf("%v to %s: %v", how, name, err)
		return
	}
	ch.c.AwaitEnd(pid)
	if out, err := ch.c.Command("onebox", "start", name, "--dir", ch.c.Dir); err != nil {
		ch.t.Errorf("start %s: %v\n%s", name, err, out)
		return
	}
	ch.restarts++
}
