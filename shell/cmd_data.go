package shell

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/pegasus-go/pegasus/client"
)

// onTable runs a single-partition operation within the session's timeout and prints the trailer
// that tells where it was served. `say` prints what came out; it runs only without an error.
func (s *session) onTable(write bool, do func(*dataCall) error, say func()) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	ctx, cancel := s.dataCtx()
	defer cancel()
	var info client.Info
	err = do(&dataCall{ctx, t.Observe(&info)})
	if err != nil {
		fmt.Fprintf(s.errw, "ERROR: %s\n", dataErrorText(err))
	} else {
		say()
	}
	s.trailer(info, write)
	return told(err)
}

func (s *session) trailer(info client.Info, write bool) {
	if info.Server == "" {
		return
	}
	fmt.Fprintf(s.errw, "\napp_id          : %d\npartition_index : %d\n", info.AppID, info.PartitionIndex)
	if write {
		fmt.Fprintf(s.errw, "decree          : %d\n", info.Decree)
	}
	fmt.Fprintf(s.errw, "server          : %s\n", info.Server)
}

func cmdSet(s *session, p *parsed) error {
	ttl, err := parseTTL(p.arg(3))
	if err != nil {
		return err
	}
	return s.onTable(true, func(c *dataCall) error {
		return c.Set(c.ctx, []byte(p.arg(0)), []byte(p.arg(1)), []byte(p.arg(2)), ttl)
	}, s.ok)
}

func (s *session) ok() { fmt.Fprintln(s.errw, "OK") }

// parseTTL reads seconds; absent is none.
func parseTTL(text string) (int32, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("parse %s as ttl failed", text)
	}
	if n <= 0 {
		return 0, fmt.Errorf("invalid ttl %s", text)
	}
	return int32(n), nil
}

func cmdGet(s *session, p *parsed) error {
	var value []byte
	var found bool
	return s.onTable(false, func(c *dataCall) (err error) {
		value, found, err = c.Get(c.ctx, []byte(p.arg(0)), []byte(p.arg(1)))
		return err
	}, func() {
		if !found {
			fmt.Fprintln(s.errw, "Not found")
			return
		}
		fmt.Fprintln(s.errw, s.bytes(value))
	})
}

func cmdDel(s *session, p *parsed) error {
	return s.onTable(true, func(c *dataCall) error {
		return c.Del(c.ctx, []byte(p.arg(0)), []byte(p.arg(1)))
	}, s.ok)
}

func cmdExist(s *session, p *parsed) error {
	var found bool
	return s.onTable(false, func(c *dataCall) (err error) {
		found, err = c.Exist(c.ctx, []byte(p.arg(0)), []byte(p.arg(1)))
		return err
	}, func() {
		if found {
			fmt.Fprintln(s.errw, "True")
		} else {
			fmt.Fprintln(s.errw, "False")
		}
	})
}

func cmdTTL(s *session, p *parsed) error {
	var seconds int32
	var found bool
	return s.onTable(false, func(c *dataCall) (err error) {
		seconds, found, err = c.TTL(c.ctx, []byte(p.arg(0)), []byte(p.arg(1)))
		return err
	}, func() {
		switch {
		case !found:
			fmt.Fprintln(s.errw, "Not found")
		case seconds < 0:
			fmt.Fprintln(s.errw, "Infinite")
		default:
			fmt.Fprintln(s.errw, seconds)
		}
	})
}

func cmdIncr(s *session, p *parsed) error {
	by := int64(1)
	if p.arg(2) != "" {
		var err error
		if by, err = strconv.ParseInt(p.arg(2), 10, 64); err != nil {
			return fmt.Errorf("invalid increment param")
		}
	}
	var sum int64
	return s.onTable(true, func(c *dataCall) (err error) {
		sum, err = c.Incr(c.ctx, []byte(p.arg(0)), []byte(p.arg(1)), by, 0)
		return err
	}, func() { fmt.Fprintln(s.errw, sum) })
}

func cmdCount(s *session, p *parsed) error {
	var n int64
	return s.onTable(false, func(c *dataCall) (err error) {
		if n, err = c.SortKeyCount(c.ctx, []byte(p.arg(0))); isIncomplete(err) {
			return fmt.Errorf("it takes too long to count sortkey")
		}
		return err
	}, func() { fmt.Fprintln(s.errw, n) })
}

func cmdMultiSet(s *session, p *parsed) error {
	rest := p.pos[1:]
	if len(rest)%2 != 0 {
		return errUsage
	}
	var kvs []client.KV
	for i := 0; i < len(rest); i += 2 {
		kv := client.KV{SortKey: []byte(rest[i]), Value: []byte(rest[i+1])}
		if slices.ContainsFunc(kvs, func(o client.KV) bool { return bytes.Equal(o.SortKey, kv.SortKey) }) {
			return fmt.Errorf("duplicate sort key %s", rest[i])
		}
		kvs = append(kvs, kv)
	}
	return s.onTable(true, func(c *dataCall) error { return c.MultiSet(c.ctx, []byte(p.arg(0)), kvs, 0) }, s.ok)
}

func cmdMultiDel(s *session, p *parsed) error {
	var n int64
	return s.onTable(true, func(c *dataCall) (err error) {
		n, err = c.MultiDel(c.ctx, []byte(p.arg(0)), byteSlices(p.pos[1:]))
		return err
	}, func() { fmt.Fprintf(s.errw, "%d key-value pairs deleted.\n", n) })
}

func byteSlices(words []string) [][]byte {
	out := make([][]byte, len(words))
	for i, w := range words {
		out[i] = []byte(w)
	}
	return out
}

func cmdMultiGet(s *session, p *parsed) error {
	return s.multiGet(p.arg(0), client.MultiGetOptions{SortKeys: byteSlices(p.pos[1:])})
}

// multiGet prints rows in key order, whatever order they were asked for in.
func (s *session) multiGet(hashKey string, o client.MultiGetOptions) error {
	var kvs []client.KV
	var complete bool
	return s.onTable(false, func(c *dataCall) (err error) {
		kvs, complete, err = c.MultiGet(c.ctx, []byte(hashKey), o)
		return err
	}, func() {
		slices.SortFunc(kvs, func(a, b client.KV) int { return bytes.Compare(a.SortKey, b.SortKey) })
		for _, kv := range kvs {
			fmt.Fprintln(s.errw, s.rowText([]byte(hashKey), kv.SortKey, kv.Value, o.NoValue))
		}
		fmt.Fprintf(s.errw, "\n%d key-value pairs got, fetch %s.\n", len(kvs), completion(complete))
	})
}

func (s *session) rowText(hashKey, sortKey, value []byte, noValue bool) string {
	text := s.bytes(hashKey) + " : " + s.bytes(sortKey)
	if !noValue {
		text += " => " + s.bytes(value)
	}
	return text
}

func completion(complete bool) string {
	if complete {
		return "completed"
	}
	return "not completed"
}

func cmdMultiGetSortKeys(s *session, p *parsed) error {
	var kvs []client.KV
	var complete bool
	return s.onTable(false, func(c *dataCall) (err error) {
		kvs, complete, err = c.MultiGet(c.ctx, []byte(p.arg(0)), client.MultiGetOptions{NoValue: true})
		return err
	}, func() {
		for _, kv := range kvs {
			fmt.Fprintln(s.errw, s.bytes(kv.SortKey))
		}
		fmt.Fprintf(s.errw, "\n%d sort keys got, fetch %s.\n", len(kvs), completion(complete))
	})
}
