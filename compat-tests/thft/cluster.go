package thft

import (
	"fmt"
	"strings"
	"time"
)

const (
	callTimeout  = 5 * time.Second
	retryPause   = 50 * time.Millisecond
	okText       = "ERR_OK"
	forwardText  = "ERR_FORWARD_TO_OTHERS"
	partitionsID = 5
)

// Partition is where one partition of a table lives.
type Partition struct {
	Ballot      int64
	Primary     string
	Secondaries []string
}

// Config is a table as query_cfg describes it.
type Config struct {
	Err        string
	AppID      int32
	Partitions []Partition
}

// Healthy says that every partition has a primary and two secondaries.
func (c Config) Healthy() bool {
	for _, p := range c.Partitions {
		if p.Primary == "" || len(p.Secondaries) != 2 {
			return false
		}
	}
	return c.Err == okText && len(c.Partitions) > 0
}

// Query asks one meta server for a table.
func Query(meta, table string) (Config, error) {
	m, err := AskMeta(meta, "QUERY_PARTITION_CONFIG_BY_INDEX", func(a *Args) { a.Str(1, table).I32s(2) })
	if err != nil {
		return Config{}, err
	}
	c := Config{Err: m[1].(string)}
	c.AppID, _ = m[2].(int32)
	partitions, _ := m[partitionsID].([]any)
	for _, p := range partitions {
		f := p.(map[int16]any)
		part := Partition{Ballot: f[2].(int64), Primary: f[4].(string)}
		for _, s := range f[5].([]any) {
			part.Secondaries = append(part.Secondaries, s.(string))
		}
		c.Partitions = append(c.Partitions, part)
	}
	return c, nil
}

// AskMeta makes one call to one meta server; the error code inside the result is the caller's to look at.
func AskMeta(meta, call string, fill func(*Args)) (map[int16]any, error) {
	c, err := Dial(meta, callTimeout)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r, err := c.Call(cm+call, Header{}, Wrap(fill))
	if err != nil {
		return nil, err
	}
	if r.Err != okText {
		return nil, fmt.Errorf("%s: %s", call, r.Err)
	}
	v, err := Result(r.Body, Results[cm+call])
	m, _ := v.(map[int16]any)
	return m, err
}

// Leader finds the meta server that answers itself.
func Leader(metas []string, within time.Duration) (string, error) {
	var last error
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(retryPause) {
		for _, m := range metas {
			r, err := AskMeta(m, "LIST_NODES", func(a *Args) { a.I32(1, 0) })
			if err == nil && r[1] == okText {
				return m, nil
			}
			if last = err; err == nil {
				last = fmt.Errorf("%s says %v", m, r[1])
			}
		}
	}
	return "", fmt.Errorf("no meta server leads: %w", last)
}

// AwaitHealthy waits until a table has 1+2 members everywhere.
func AwaitHealthy(metas []string, table string, within time.Duration) (Config, error) {
	var c Config
	var err error
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(retryPause) {
		for _, m := range metas {
			if c, err = Query(m, table); err == nil && c.Healthy() {
				return c, nil
			}
			if err == nil && c.Err != forwardText {
				break
			}
		}
	}
	return c, fmt.Errorf("table %s is not healthy after %v: %+v, %v", table, within, c, err)
}

// CreateTable creates a table with three replicas through the leader; one that exists is an error.
func CreateTable(leader, table string, partitions int32) error {
	r, err := AskMeta(leader, "CREATE_APP", func(a *Args) {
		a.Str(1, table).Struct(2, func(o *Args) {
			o.I32(1, partitions).I32(2, 3).Bool(3, false).Str(4, "pegasus").Bool(5, true).StringMap(6, nil)
		})
	})
	if err == nil && r[1] != okText {
		err = fmt.Errorf("create table %s: %v", table, r[1])
	}
	return err
}

// Table calls the primaries of one table; it is used by one goroutine.
type Table struct {
	Config
	conns map[string]*Conn
	// Version of the header, and whether reads go to a secondary as backup requests (version 1).
	Version int
	Backup  bool
}

// Open looks a table up; the table must be healthy.
func Open(metas []string, table string) (*Table, error) {
	c, err := AwaitHealthy(metas, table, 30*time.Second)
	return &Table{Config: c, conns: map[string]*Conn{}}, err
}

// Close ends the table's connections.
func (t *Table) Close() {
	for _, c := range t.conns {
		_ = c.Close()
	}
}

// PartitionOf tells where a hash key lives.
func (t *Table) PartitionOf(hashKey string) int32 {
	return int32(Hash(hashKey) % uint64(len(t.Partitions)))
}

// Call makes a storage call for a hash key and decodes its result; a frame error is an error.
func (t *Table) Call(op, hashKey string, args []byte) (map[int16]any, error) {
	p := t.PartitionOf(hashKey)
	to := t.Partitions[p].Primary
	if t.Backup {
		to = t.Partitions[p].Secondaries[0]
	}
	h := Header{Version: t.Version, AppID: t.AppID, Partition: p, PartitionHash: Hash(hashKey), Backup: t.Backup}
	return t.CallAt(to, op, h, args)
}

// CallAt makes a storage call at a server with a given header.
func (t *Table) CallAt(to, op string, h Header, args []byte) (map[int16]any, error) {
	if t.conns[to] == nil {
		c, err := Dial(to, callTimeout)
		if err != nil {
			return nil, err
		}
		t.conns[to] = c
	}
	name := rrdb + strings.TrimPrefix(op, rrdb)
	r, err := t.conns[to].Call(name, h, args)
	if err != nil {
		_ = t.conns[to].Close()
		delete(t.conns, to)
		return nil, err
	}
	if r.Err != okText {
		return nil, FrameError(r.Err)
	}
	v, err := Result(r.Body, Results[name])
	m, _ := v.(map[int16]any)
	return m, err
}

// FrameError is the error name in the header of an answer.
type FrameError string

func (e FrameError) Error() string { return string(e) }
