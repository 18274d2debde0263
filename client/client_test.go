package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/client/clienttest"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

// open starts a cluster with a table and a client of it.
func open(t *testing.T, opts client.Options) (*clienttest.Cluster, *client.Client, *client.Table) {
	t.Helper()
	fake := clienttest.New(t, 3, 3)
	fake.AddTable("temp", 8)
	c, err := client.New(fake.Metas(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	tab, err := c.Open(t.Context(), "temp")
	if err != nil {
		t.Fatal(err)
	}
	return fake, c, tab
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var b = func(s string) []byte { return []byte(s) }

func TestWholeDataAPIOverEveryDialect(t *testing.T) {
	for name, opts := range map[string]client.Options{
		"thft v1": {}, "thft v0": {Dialect: rpc.THFTv0, DialectSet: true}, "native": {Dialect: rpc.Native, DialectSet: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, tab := open(t, opts)
			pointOps(t, tab)
			multiOps(t, tab)
			atomicOps(t, tab)
		})
	}
}

func pointOps(t *testing.T, tab *client.Table) {
	ctx := t.Context()
	var info client.Info
	check(t, tab.Observe(&info).Set(ctx, b("h"), b("s"), b("v"), 0))
	if info.Decree < 1 || info.Server == "" || info.AppID < 1 {
		t.Fatalf("info of a write: %+v", info)
	}
	v, found, err := tab.Get(ctx, b("h"), b("s"))
	if string(v) != "v" || !found || err != nil {
		t.Fatalf("get: %q %v %v", v, found, err)
	}
	if _, found, err := tab.Get(ctx, b("h"), b("absent")); found || err != nil {
		t.Fatalf("get of an absent row: %v %v", found, err)
	}
	if sec, found, _ := tab.TTL(ctx, b("h"), b("s")); sec != -1 || !found {
		t.Fatalf("ttl of a row without: %d %v", sec, found)
	}
	check(t, tab.Set(ctx, b("h"), b("t"), nil, 100))
	if sec, _, _ := tab.TTL(ctx, b("h"), b("t")); sec < 98 || sec > 100 {
		t.Fatalf("ttl: %d", sec)
	}
	if ok, _ := tab.Exist(ctx, b("h"), b("t")); !ok {
		t.Fatal("a row with an empty value exists")
	}
	check(t, tab.Del(ctx, b("h"), b("s")))
	check(t, tab.Del(ctx, b("h"), b("s")))
	if ok, _ := tab.Exist(ctx, b("h"), b("s")); ok {
		t.Fatal("deleted row exists")
	}
	check(t, tab.Set(ctx, nil, b("only sort key"), b("v"), 0))
	if v, _, _ := tab.Get(ctx, nil, b("only sort key")); string(v) != "v" {
		t.Fatal("empty hash key")
	}
	if n := must[int64](t)(tab.Incr(ctx, b("h"), b("n"), 5, 0)); n != 5 {
		t.Fatal("incr", n)
	}
	if n := must[int64](t)(tab.Incr(ctx, b("h"), b("n"), -7, 0)); n != -2 {
		t.Fatal("incr", n)
	}
	check(t, tab.Set(ctx, b("h"), b("text"), b("x"), 0))
	if _, err := tab.Incr(ctx, b("h"), b("text"), 1, 0); !errors.Is(err, client.StatusInvalidArgument) {
		t.Fatal("incr of text:", err)
	}
}

func multiOps(t *testing.T, tab *client.Table) {
	ctx := t.Context()
	kvs := []client.KV{{b("a"), b("1")}, {b("b"), b("2")}, {b("c"), b("3")}}
	check(t, tab.MultiSet(ctx, b("mh"), kvs, 0))
	for want, o := range map[string]client.MultiGetOptions{
		"a1 b2 c3 true": {},
		"c3 a1 true":    {SortKeys: [][]byte{b("c"), b("zz"), b("a")}},
		"a1 b2 false":   {MaxCount: 2},
		"b2 c3 false":   {MaxCount: 2, Reverse: true},
		"b2 true":       {Start: b("a"), StartExclusive: true, Stop: b("c")},
		"b2 c3 true":    {Start: b("b"), Stop: b("c"), StopInclusive: true},
		"a b c true":    {NoValue: true},
		"c3 true":       {Filter: client.Filter{Type: rrdb.FilterType_FT_MATCH_PREFIX, Pattern: b("c")}},
	} {
		got, complete, err := tab.MultiGet(ctx, b("mh"), o)
		check(t, err)
		text := ""
		for _, kv := range got {
			text += string(kv.SortKey) + string(kv.Value) + " "
		}
		if text += fmt.Sprint(complete); text != want {
			t.Errorf("%+v: got %q, want %q", o, text, want)
		}
	}
	if n := must[int64](t)(tab.SortKeyCount(ctx, b("mh"))); n != 3 {
		t.Fatal("sort key count", n)
	}
	if n := must[int64](t)(tab.MultiDel(ctx, b("mh"), [][]byte{b("a"), b("zz")})); n != 2 {
		t.Fatal("multi_del", n)
	}
	if _, _, err := tab.MultiGet(ctx, nil, client.MultiGetOptions{}); !errors.Is(err, base.ErrInvalidParameters) {
		t.Fatal("multi_get without a hash key:", err)
	}
	var keys []client.Key
	for i := range 50 {
		k := client.Key{HashKey: b(fmt.Sprint("bh", i)), SortKey: b("s")}
		if i%3 != 0 {
			check(t, tab.Set(ctx, k.HashKey, k.SortKey, b(fmt.Sprint(i)), 0))
		}
		keys = append(keys, k)
	}
	for i, v := range must[[]client.Value](t)(tab.BatchGet(ctx, append(keys, keys[1]))) {
		if i == 50 {
			i = 1
		}
		if v.Found != (i%3 != 0) || (v.Found && string(v.Data) != fmt.Sprint(i)) {
			t.Fatalf("batch_get %d: %+v", i, v)
		}
	}
}

func atomicOps(t *testing.T, tab *client.Table) {
	ctx := t.Context()
	free := client.Check{SortKey: b("c"), Type: rrdb.CasCheckType_CT_VALUE_NOT_EXIST, ReturnValue: true}
	r := must[client.CheckResult](t)(tab.CheckAndSet(ctx, b("ah"), free, b("c"), b("v1"), 0))
	if !r.Passed || !r.Returned || r.Exist {
		t.Fatalf("first: %+v", r)
	}
	r = must[client.CheckResult](t)(tab.CheckAndSet(ctx, b("ah"), free, b("c"), b("v2"), 0))
	if r.Passed || !r.Exist || string(r.Value) != "v1" {
		t.Fatalf("second: %+v", r)
	}
	same := client.Check{SortKey: b("c"), Type: rrdb.CasCheckType_CT_VALUE_BYTES_EQUAL, Operand: b("v1")}
	r = must[client.CheckResult](t)(tab.CheckAndMutate(ctx, b("ah"), same, []client.Mutation{
		{SortKey: b("d"), Value: b("w")}, {Delete: true, SortKey: b("c")},
	}))
	if v, _, _ := tab.Get(ctx, b("ah"), b("d")); !r.Passed || string(v) != "w" {
		t.Fatalf("mutate: %+v, d=%q", r, v)
	}
	if ok, _ := tab.Exist(ctx, b("ah"), b("c")); ok {
		t.Fatal("mutation did not delete")
	}
	if _, err := tab.CheckAndMutate(ctx, b("ah"), same, nil); !errors.Is(err, client.StatusInvalidArgument) {
		t.Fatal("empty mutation list:", err)
	}
}

func TestOpenOfATableThatIsNotThereFailsAtOnce(t *testing.T) {
	_, c, _ := open(t, client.Options{})
	began := time.Now()
	_, err := c.Open(t.Context(), "nosuch")
	if !errors.Is(err, base.ErrObjectNotFound) || time.Since(began) > time.Second {
		t.Fatal(err, time.Since(began))
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	if _, err := client.New(nil, client.Options{}); err == nil {
		t.Error("a client without metas")
	}
	if _, err := client.New([]string{"no port"}, client.Options{}); err == nil {
		t.Error("a meta without port")
	}
	_, _, tab := open(t, client.Options{})
	if err := tab.Set(t.Context(), make([]byte, 65535), nil, nil, 0); !errors.Is(err, base.ErrInvalidParameters) {
		t.Error("hash key too long:", err)
	}
	if err := tab.Set(t.Context(), b("h"), nil, nil, -1); !errors.Is(err, base.ErrInvalidParameters) {
		t.Error("negative ttl:", err)
	}
}
