//go:build linux

package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// The project's client runs in processes of this test's binary, so that they can live on a host of the lab. The environment
// says what to do.
const (
	envMode    = "CHAOS_CALLER" // history or read
	envMetas   = "CHAOS_METAS"
	envTable   = "CHAOS_TABLE"
	envOptions = "CHAOS_OPTIONS" // callers,registers,epoch ms,seed
)

const (
	callTimeout = 2 * time.Second
	callPause   = 30 * time.Millisecond
	rowTimeout  = 15 * time.Second
	rowPause    = 60 * time.Millisecond
	readTimeout = 60 * time.Second // of one final read
	// What a caller leaves in doubt on one key; doubts make a history expensive to check.
	doubtsMax = 1
	rowPrefix = "row-"
)

// caller is the process.
type caller struct {
	client, once *client.Client // with and without retries
	table        *client.Table
	onceTable    *client.Table
	registers    int
	epochMs      int64
	seed         uint64
	stopping     atomic.Bool
	mu           sync.Mutex
	out          *bufio.Writer
}

// runCaller is the main function of the process.
func runCaller() error {
	metas := strings.Split(os.Getenv(envMetas), ",")
	c := &caller{out: bufio.NewWriter(os.Stdout)}
	var errs [4]error
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	c.client, errs[0] = client.New(metas, client.Options{})
	c.once, errs[1] = client.New(metas, client.Options{NoRetry: true, AttemptTimeout: callTimeout})
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	c.table, errs[2] = c.client.Open(ctx, os.Getenv(envTable))
	c.onceTable, errs[3] = c.once.Open(ctx, os.Getenv(envTable))
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if os.Getenv(envMode) == "read" {
		return c.readAll()
	}
	return c.history()
}

// history works until standard input says stop or ends.
func (c *caller) history() error {
	var callers int
	if _, err := fmt.Sscanf(os.Getenv(envOptions), "%d,%d,%d,%d", &callers, &c.registers, &c.epochMs, &c.seed); err != nil {
		return fmt.Errorf("%s: %w", envOptions, err)
	}
	var wg sync.WaitGroup
	for id := range callers {
		wg.Go(func() { c.call(id) })
	}
	for partition := range c.table.PartitionCount() {
		wg.Go(func() { c.writeRows(partition) })
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() && in.Text() != "stop" {
	}
	c.stopping.Store(true)
	wg.Wait()
	return nil
}

// call is one caller of a recorded history: it has one operation in flight, sent once.
func (c *caller) call(id int) {
	rng := rand.New(rand.NewPCG(c.seed, uint64(id)))
	known, doubts := map[string]string{}, map[string]int{}
	for n := 0; !c.stopping.Load(); n++ {
		r := c.next(rng, id, n, known, doubts)
		r.Start = monotonicNs()
		c.execute(c.onceTable, &r, callTimeout)
		r.End = monotonicNs()
		switch {
		case r.Outcome == unknown:
			doubts[r.Key+r.Op]++
		case r.Outcome == ok && (r.Op == "get" || (r.Op == "cas" && !r.Passed)):
			known[r.Key] = r.Output
		case r.Outcome == ok:
			known[r.Key] = r.Value
		}
		c.write(r)
		time.Sleep(rand.N(callPause))
	}
}

var registerOps = []string{"get", "get", "get", "set", "set", "set", "cas", "cas", "cas", "del"}

// next chooses an operation on one of the keys of the moment. Slot 0 holds a counter, the others registers.
func (c *caller) next(rng *rand.Rand, id, n int, known map[string]string, doubts map[string]int) record {
	slot := rng.IntN(c.registers + 1)
	// Slots change their keys one after the other.
	shift := int64(slot) * c.epochMs / int64(c.registers+1)
	epoch := (monotonicNs()/int64(time.Millisecond) + shift) / c.epochMs
	r := record{Client: "pegasus-go", Caller: id, Key: fmt.Sprintf("register-%d-%d", slot, epoch), Op: registerOps[rng.IntN(len(registerOps))]}
	if slot == 0 {
		r.Key, r.Op = fmt.Sprintf("counter-%d", epoch), []string{"get", "incr"}[rng.IntN(2)]
	}
	if (r.Op == "incr" || r.Op == "del") && doubts[r.Key+r.Op] >= doubtsMax {
		r.Op = "get"
	}
	switch r.Op {
	case "incr":
		r.Value = strconv.Itoa(1 + rng.IntN(9))
	case "set":
		r.Value = fmt.Sprintf("%s-%d-%d", r.Client, id, n)
	case "cas":
		r.Value, r.Expect = fmt.Sprintf("%s-%d-%d", r.Client, id, n), known[r.Key]
	}
	return r
}

func (c *caller) execute(t *client.Table, r *record, within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	key, sort := []byte(r.Key), []byte("s")
	var err error
	switch r.Op {
	case "get":
		var v []byte
		v, _, err = t.Get(ctx, key, sort)
		r.Output = string(v)
	case "set":
		err = t.Set(ctx, key, sort, []byte(r.Value), 0)
	case "row":
		err = t.Set(ctx, key, sort, rowValue(r.Key), 0)
	case "del":
		err = t.Del(ctx, key, sort)
	case "incr":
		var sum int64
		sum, err = t.Incr(ctx, key, sort, number(r.Value), 0)
		r.Output = strconv.FormatInt(sum, 10)
	case "cas":
		check := client.Check{SortKey: sort, Type: rrdb.CasCheckType_CT_VALUE_BYTES_EQUAL, Operand: []byte(r.Expect), ReturnValue: true}
		if r.Expect == "" {
			check = client.Check{SortKey: sort, Type: rrdb.CasCheckType_CT_VALUE_NOT_EXIST, ReturnValue: true}
		}
		var res client.CheckResult
		res, err = t.CheckAndSet(ctx, key, check, sort, []byte(r.Value), 0)
		r.Passed, r.Output = res.Passed, string(res.Value)
	}
	r.Outcome = outcomeOf(r.Op, err)
	if err != nil {
		r.Passed, r.Output, r.Error = false, "", client.CodeOf(err).Name
	}
}

// neverExecuted are the answers that promise that a write has no effect.
var neverExecuted = map[base.ErrorCode]bool{
	base.ErrInvalidState: true, base.ErrObjectNotFound: true, base.ErrNotEnoughMember: true,
	base.ErrCapacityExceeded: true, base.ErrBusy: true, base.ErrDiskInsufficient: true,
}

func outcomeOf(op string, err error) string {
	switch {
	case err == nil:
		return ok
	case op == "get":
		return failed
	case op != "row" && neverExecuted[client.CodeOf(err)]:
		return refused // a row may have been sent several times
	}
	return unknown
}

// rowValue is what writeRows writes: mostly short, and long for one row in eight, so that stores flush and logs are collected.
func rowValue(key string) []byte {
	repeat := 1
	if base.CRC64([]byte(key))>>32%8 == 0 {
		repeat = 200
	}
	return bytes.Repeat([]byte(key+","), repeat)
}

// Outputs of a row that is read back.
const (
	rowIntact  = "intact"
	rowChanged = "changed"
)

// writeRows writes one new row after the other to one partition, and tries each until it is acknowledged or given up.
func (c *caller) writeRows(partition int32) {
	n := 0
	for !c.stopping.Load() {
		key := fmt.Sprintf("%s%d-%d", rowPrefix, partition, n)
		n++
		if base.PartitionIndex(base.CRC64([]byte(key)), c.table.PartitionCount()) != partition {
			continue
		}
		r := record{Client: "pegasus-go", Caller: int(partition), Op: "row", Key: key}
		r.Start = monotonicNs()
		c.execute(c.table, &r, rowTimeout)
		r.End = monotonicNs()
		c.write(r)
		time.Sleep(rowPause)
	}
}

// readAll reads the keys that standard input lists, then all rows of writeRows.
func (c *caller) readAll() error {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		r := record{Client: "pegasus-go", Caller: -1, Op: "get", Key: in.Text(), Start: monotonicNs()}
		c.execute(c.table, &r, readTimeout)
		r.End = monotonicNs()
		if r.Outcome != ok {
			return fmt.Errorf("read %s: %s", r.Key, r.Error)
		}
		c.write(r)
	}
	scanners, err := c.table.FullScanners(client.ScanOptions{HashKeyFilter: client.Filter{Type: rrdb.FilterType_FT_MATCH_PREFIX, Pattern: []byte(rowPrefix)}})
	if err != nil {
		return err
	}
	for i, s := range scanners {
		for {
			ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
			found, more, err := s.Next(ctx)
			cancel()
			if err != nil {
				return fmt.Errorf("scan partition %d: %w", i, err)
			}
			if !more {
				break
			}
			r := record{Client: "pegasus-go", Caller: -1, Op: "row", Key: string(found.HashKey), Output: rowChanged, Outcome: ok}
			if bytes.Equal(found.Value, rowValue(r.Key)) {
				r.Output = rowIntact
			}
			c.write(r)
		}
	}
	return nil
}

func (c *caller) write(r record) {
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // the fields are texts and numbers
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.out.Write(append(line, '\n')) // when nobody reads any more, the process is about to be killed
	_ = c.out.Flush()
}
