package zkmeta_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/zkmeta"
	"github.com/pegasus-go/pegasus/zkmeta/zktest"
)

// Every test here runs over both backends: what holds for one holds for the
// other, so meta can be tested over the embedded one.

// cluster hands out handles on one shared state, as several metas have them.
type cluster interface {
	open(t *testing.T) zkmeta.Backend
}

type embeddedCluster struct{ dir string }

func (c embeddedCluster) open(t *testing.T) zkmeta.Backend {
	b, err := zkmeta.OpenEmbedded(c.dir, zkmeta.EmbeddedOptions{PollInterval: 5 * time.Millisecond, Logger: testLogger(t)})
	return opened(t, b, err)
}

type zooKeeperCluster struct {
	addr, root string
	session    time.Duration
}

func (c zooKeeperCluster) open(t *testing.T) zkmeta.Backend {
	b, err := zkmeta.OpenZooKeeper([]string{c.addr}, zkmeta.ZooKeeperOptions{
		LockRoot: c.root, SessionTimeout: c.session, Logger: testLogger(t)})
	return opened(t, b, err)
}

func opened(t *testing.T, b zkmeta.Backend, err error) zkmeta.Backend {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Helper()
	defer func() { recover() }() // a goroutine that ends after its test may still log
	w.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func lead(t *testing.T, b zkmeta.Backend, self string) zkmeta.Lease {
	t.Helper()
	l, err := b.Campaign(testContext(t), self)
	if err != nil {
		t.Fatalf("campaign of %s: %v", self, err)
	}
	return l
}

type conformanceTest struct {
	name string
	run  func(t *testing.T, c cluster)
}

var conformance = []conformanceTest{
	{"AbsentNodesAreReported", testAbsent},
	{"DataComesBackAsItWasWritten", testData},
	{"ManyAreReadInOrder", testEach},
	{"ChildrenAreSorted", testChildren},
	{"DeleteRefusesParents", testDelete},
	{"CreateAllMakesWhatIsMissing", testCreateAll},
	{"DeleteAllRemovesTheSubtree", testDeleteAll},
	{"TxnIsAllOrNothing", testTxn},
	{"LimitsAreNamedErrors", testLimits},
	{"BadPathsAreRefused", testBadPaths},
	{"OnlyTheLeaderReadsAndWrites", testOnlyLeader},
	{"StateOutlivesTheLeader", testHandOver},
	{"LeaderIsPublished", testLeaderHint},
	{"CampaignEndsWithItsContext", testCampaignCancel},
	{"OneCampaignPerHandle", testBusy},
	{"CloseEndsEverything", testClose},
	{"ConcurrentWritersLoseNothing", testConcurrent},
	{"LeadershipAlternates", testAlternate},
}

func TestConformanceEmbedded(t *testing.T) {
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) { c.run(t, embeddedCluster{t.TempDir()}) })
	}
}

func TestConformanceZooKeeper(t *testing.T) {
	server := zktest.Start(t, zktest.Options{Tick: time.Second})
	for i, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, zooKeeperCluster{server.Addr(), fmt.Sprintf("/locks/%d", i), 20 * time.Second})
		})
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func wantOK(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantData(t *testing.T, b zkmeta.Store, path, want string) {
	t.Helper()
	got, err := b.Get(testContext(t), path)
	wantOK(t, err)
	if string(got) != want {
		t.Fatalf("%s holds %.40q, want %.40q", path, got, want)
	}
}

// root gives each test its own part of the tree: on ZooKeeper they share one.
func root(t *testing.T, b zkmeta.Store) string {
	t.Helper()
	r := "/t/" + strings.ReplaceAll(t.Name(), "/", "_")
	wantOK(t, b.CreateAll(testContext(t), r, nil))
	return r
}

func leading(t *testing.T, c cluster) (zkmeta.Backend, string, context.Context) {
	t.Helper()
	b := c.open(t)
	lead(t, b, "127.0.0.1:34601")
	return b, root(t, b), testContext(t)
}

func testAbsent(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	_, err := b.Get(ctx, r+"/x")
	wantErr(t, err, zkmeta.ErrNotExist)
	_, err = b.Children(ctx, r+"/x")
	wantErr(t, err, zkmeta.ErrNotExist)
	wantErr(t, b.Set(ctx, r+"/x", []byte("v")), zkmeta.ErrNotExist)
	wantErr(t, b.Delete(ctx, r+"/x"), zkmeta.ErrNotExist)
	wantErr(t, b.Create(ctx, r+"/x/y", nil), zkmeta.ErrNotExist)
	wantOK(t, b.DeleteAll(ctx, r+"/x"))
}

func testData(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	binary := make([]byte, 256)
	for i := range binary {
		binary[i] = byte(i)
	}
	for i, data := range []string{"", "unlock", string(binary), strings.Repeat("x", zkmeta.DataBytesMax-500)} {
		p := fmt.Sprintf("%s/%d", r, i)
		wantOK(t, b.Create(ctx, p, []byte(data)))
		wantData(t, b, p, data)
		wantErr(t, b.Create(ctx, p, nil), zkmeta.ErrExists)
		wantData(t, b, p, data)
		wantOK(t, b.Set(ctx, p, []byte("other")))
		wantData(t, b, p, "other")
		wantOK(t, b.Set(ctx, p, nil))
		wantData(t, b, p, "")
	}
	mine := []byte("before")
	wantOK(t, b.Set(ctx, r, mine))
	copy(mine, "after!")
	wantData(t, b, r, "before")
}

// testEach reads more than fits into one request, with gaps, and what was written a moment before.
func testEach(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	var paths, want []string
	var ops []zkmeta.Op
	for i := range 1000 {
		p, data := fmt.Sprintf("%s/%d", r, i), fmt.Sprintf("data of %d", i)
		switch {
		case i%7 == 0:
			data = ""
		case i%100 == 1:
			data = strings.Repeat(data, 2000)
		case i%5 == 0:
			paths, want = append(paths, p), append(want, "missing")
			continue
		}
		ops = append(ops, zkmeta.Op{Kind: zkmeta.OpCreate, Path: p, Data: []byte(data)})
		paths, want = append(paths, p), append(want, "="+data)
	}
	wantOK(t, b.Txn(ctx, ops))
	for round := range 3 {
		want[500+round] = fmt.Sprintf("=changed %d", round)
		wantOK(t, b.DeleteAll(ctx, paths[500+round]))
		wantOK(t, b.Create(ctx, paths[500+round], []byte(want[500+round][1:])))
		var got []string
		wantOK(t, b.GetEach(ctx, paths, func(i int, data []byte, exists bool) error {
			text := "=" + string(data)
			if !exists {
				text = "missing"
			}
			if i != len(got) || text != want[i] {
				t.Fatalf("%s, as number %d: %.60s, want %.60s", paths[len(got)], i, text, want[len(got)])
			}
			got = append(got, text)
			return nil
		}))
		if len(got) != len(paths) {
			t.Fatalf("%d nodes of %d were read", len(got), len(paths))
		}
	}
	none := func(int, []byte, bool) error { t.Fatal("called"); return nil }
	wantOK(t, b.GetEach(ctx, nil, none))
	wantErr(t, b.GetEach(ctx, []string{"no/path"}, none), zkmeta.ErrInvalid)
	wantErr(t, c.open(t).GetEach(ctx, paths, none), zkmeta.ErrNotLeader)
	enough := errors.New("enough")
	wantErr(t, b.GetEach(ctx, paths, func(i int, _ []byte, _ bool) error {
		switch {
		case i > 200:
			t.Fatal("called after an error")
		case i == 200:
			return enough
		}
		return nil
	}), enough)
}

func testChildren(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	names, err := b.Children(ctx, r)
	wantOK(t, err)
	if len(names) != 0 {
		t.Fatalf("children of a leaf: %v", names)
	}
	for _, n := range []string{"10", "2", "duplication", "1", "ä", "0"} {
		wantOK(t, b.Create(ctx, r+"/"+n, nil))
	}
	wantOK(t, b.Create(ctx, r+"/2/deep", nil))
	names, err = b.Children(ctx, r)
	wantOK(t, err)
	if want := []string{"0", "1", "10", "2", "duplication", "ä"}; !slices.Equal(names, want) {
		t.Fatalf("children are %v, want %v", names, want)
	}
	top, err := b.Children(ctx, "/")
	wantOK(t, err)
	if !slices.Contains(top, "t") {
		t.Fatalf("children of the root are %v", top)
	}
}

func testDelete(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	wantOK(t, b.Create(ctx, r+"/a", nil))
	wantOK(t, b.Create(ctx, r+"/a/b", []byte("v")))
	wantErr(t, b.Delete(ctx, r+"/a"), zkmeta.ErrNotEmpty)
	wantOK(t, b.Delete(ctx, r+"/a/b"))
	wantOK(t, b.Delete(ctx, r+"/a"))
	wantErr(t, b.Delete(ctx, r+"/a"), zkmeta.ErrNotExist)
	wantOK(t, b.Create(ctx, r+"/a", []byte("again")))
	wantData(t, b, r+"/a", "again")
}

func testCreateAll(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	wantOK(t, b.CreateAll(ctx, r+"/a/b/c", []byte("v")))
	wantData(t, b, r+"/a", "")
	wantData(t, b, r+"/a/b", "")
	wantData(t, b, r+"/a/b/c", "v")
	wantOK(t, b.CreateAll(ctx, r+"/a/b/c", []byte("not this")))
	wantData(t, b, r+"/a/b/c", "v")
	wantOK(t, b.CreateAll(ctx, "/", nil))
}

func testDeleteAll(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	var ops []zkmeta.Op
	for i := range 700 { // more than one transaction of the ZooKeeper backend
		ops = append(ops, zkmeta.Op{Kind: zkmeta.OpCreate, Path: fmt.Sprintf("%s/sub/%03d", r, i)})
	}
	wantOK(t, b.CreateAll(ctx, r+"/sub", nil))
	wantOK(t, b.Create(ctx, r+"/subling", []byte("stays")))
	wantOK(t, b.Txn(ctx, ops))
	wantOK(t, b.CreateAll(ctx, r+"/sub/007/deep/er", nil))
	wantOK(t, b.DeleteAll(ctx, r+"/sub"))
	_, err := b.Get(ctx, r+"/sub")
	wantErr(t, err, zkmeta.ErrNotExist)
	wantData(t, b, r+"/subling", "stays")
}

func testTxn(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	wantOK(t, b.Txn(ctx, nil))
	wantOK(t, b.Txn(ctx, []zkmeta.Op{
		{Kind: zkmeta.OpCreate, Path: r + "/a", Data: []byte("1")},
		{Kind: zkmeta.OpCreate, Path: r + "/a/b", Data: []byte("2")},
		{Kind: zkmeta.OpSet, Path: r + "/a", Data: []byte("3")},
		{Kind: zkmeta.OpCreate, Path: r + "/gone"},
		{Kind: zkmeta.OpDelete, Path: r + "/gone"},
	}))
	wantData(t, b, r+"/a", "3")
	wantData(t, b, r+"/a/b", "2")
	for _, bad := range []struct {
		op   zkmeta.Op
		want error
	}{
		{zkmeta.Op{Kind: zkmeta.OpCreate, Path: r + "/a"}, zkmeta.ErrExists},
		{zkmeta.Op{Kind: zkmeta.OpCreate, Path: r + "/no/parent"}, zkmeta.ErrNotExist},
		{zkmeta.Op{Kind: zkmeta.OpSet, Path: r + "/no"}, zkmeta.ErrNotExist},
		{zkmeta.Op{Kind: zkmeta.OpDelete, Path: r + "/no"}, zkmeta.ErrNotExist},
		{zkmeta.Op{Kind: zkmeta.OpDelete, Path: r + "/a"}, zkmeta.ErrNotEmpty},
	} {
		err := b.Txn(ctx, []zkmeta.Op{
			{Kind: zkmeta.OpSet, Path: r + "/a", Data: []byte("must not stay")},
			{Kind: zkmeta.OpDelete, Path: r + "/a/b"},
			{Kind: zkmeta.OpCreate, Path: r + "/a/b", Data: []byte("nor this")},
			bad.op,
			{Kind: zkmeta.OpCreate, Path: r + "/late"},
		})
		wantErr(t, err, bad.want)
		var te *zkmeta.TxnError
		if !errors.As(err, &te) || te.Index != 3 || te.Op.Path != bad.op.Path {
			t.Fatalf("the error does not name operation 3: %v", err)
		}
		wantData(t, b, r+"/a", "3")
		wantData(t, b, r+"/a/b", "2")
		_, err = b.Get(ctx, r+"/late")
		wantErr(t, err, zkmeta.ErrNotExist)
	}
}

func testLimits(t *testing.T, c cluster) {
	b, r, ctx := leading(t, c)
	wantErr(t, b.Create(ctx, r+"/big", make([]byte, zkmeta.DataBytesMax+1)), zkmeta.ErrTooLarge)
	half := make([]byte, zkmeta.TxnBytesMax/2)
	two := []zkmeta.Op{{Kind: zkmeta.OpCreate, Path: r + "/1", Data: half}, {Kind: zkmeta.OpCreate, Path: r + "/2", Data: half}}
	wantErr(t, b.Txn(ctx, two), zkmeta.ErrTooLarge)
	wantErr(t, b.Set(ctx, "/"+strings.Repeat("x", zkmeta.PathBytesMax), nil), zkmeta.ErrTooLarge)
	// The largest allowed transaction of many operations passes.
	var ops []zkmeta.Op
	for size, i := 0, 0; ; i++ {
		op := zkmeta.Op{Kind: zkmeta.OpCreate, Path: fmt.Sprintf("%s/%05d", r, i)}
		if size += len(op.Path) + 80; size > zkmeta.TxnBytesMax {
			break
		}
		ops = append(ops, op)
	}
	wantOK(t, b.Txn(ctx, ops))
	names, err := b.Children(ctx, r)
	wantOK(t, err)
	if len(names) != len(ops) {
		t.Fatalf("%d children, want %d", len(names), len(ops))
	}
	wantOK(t, b.DeleteAll(ctx, r))
}

func testBadPaths(t *testing.T, c cluster) {
	b, _, ctx := leading(t, c)
	for _, p := range []string{"", "a", "//", "/a/", "/a//b", "/a/./b", "/..", "/a\x00b", "/a\nb", "/\xff", "/\U0001F40E"} {
		_, err := b.Get(ctx, p)
		wantErr(t, err, zkmeta.ErrInvalid)
		wantErr(t, b.Create(ctx, p, nil), zkmeta.ErrInvalid)
		wantErr(t, b.DeleteAll(ctx, p), zkmeta.ErrInvalid)
	}
	wantErr(t, b.Delete(ctx, "/"), zkmeta.ErrInvalid)
	wantErr(t, b.Create(ctx, "/", nil), zkmeta.ErrInvalid)
	wantErr(t, b.Txn(ctx, []zkmeta.Op{{Kind: 9, Path: "/x"}}), zkmeta.ErrInvalid)
}

func testOnlyLeader(t *testing.T, c cluster) {
	a, r, ctx := leading(t, c)
	b := c.open(t)
	_, err := b.Get(ctx, r)
	wantErr(t, err, zkmeta.ErrNotLeader)
	_, err = b.Children(ctx, r)
	wantErr(t, err, zkmeta.ErrNotLeader)
	wantErr(t, b.Create(ctx, r+"/x", nil), zkmeta.ErrNotLeader)
	wantErr(t, b.CreateAll(ctx, r+"/x", nil), zkmeta.ErrNotLeader)
	wantErr(t, b.DeleteAll(ctx, r), zkmeta.ErrNotLeader)
	wantErr(t, b.Txn(ctx, []zkmeta.Op{{Kind: zkmeta.OpSet, Path: r}}), zkmeta.ErrNotLeader)
	wantOK(t, a.Set(ctx, r, []byte("mine")))
}

func testHandOver(t *testing.T, c cluster) {
	a, b := c.open(t), c.open(t)
	ctx := testContext(t)
	first := lead(t, a, "127.0.0.1:1001")
	r := root(t, a)
	wantOK(t, a.CreateAll(ctx, r+"/apps/1/0", []byte("v1")))
	second := make(chan zkmeta.Lease, 1)
	go func() {
		l, err := b.Campaign(ctx, "127.0.0.1:1002")
		if err != nil {
			t.Errorf("second campaign: %v", err)
		}
		select {
		case <-first.Lost():
		default:
			t.Error("the second leads before the first knows that it lost")
		}
		second <- l
	}()
	wantOK(t, a.Set(ctx, r+"/apps/1/0", []byte("v2")))
	select {
	case <-second:
		t.Fatal("two leaders")
	case <-time.After(100 * time.Millisecond):
	}
	if !first.Valid() {
		t.Fatal("the lease ended by itself")
	}
	first.Resign()
	first.Resign()
	l := <-second
	if l == nil {
		t.FailNow()
	}
	if first.Valid() || !l.Valid() {
		t.Fatalf("valid: first %v, second %v", first.Valid(), l.Valid())
	}
	wantErr(t, a.Set(ctx, r+"/apps/1/0", []byte("late")), zkmeta.ErrNotLeader)
	wantData(t, b, r+"/apps/1/0", "v2")
}

// eventually polls: hints and watches are not instantaneous.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within 20 s: %s", what)
}

func seesLeader(t *testing.T, b zkmeta.Backend, want string) {
	t.Helper()
	eventually(t, fmt.Sprintf("leader %q seen", want), func() bool {
		addr, known, err := b.Leader(testContext(t))
		wantOK(t, err)
		return addr == want && known == (want != "")
	})
}

func testLeaderHint(t *testing.T, c cluster) {
	a, b := c.open(t), c.open(t)
	seesLeader(t, b, "")
	l := lead(t, a, "meta-1.example:34601")
	seesLeader(t, a, "meta-1.example:34601")
	seesLeader(t, b, "meta-1.example:34601")
	l.Resign()
	seesLeader(t, a, "")
	seesLeader(t, b, "")
	lead(t, b, "meta-2.example:34602")
	seesLeader(t, a, "meta-2.example:34602")
	b.Close()
	seesLeader(t, a, "")
}

func testCampaignCancel(t *testing.T, c cluster) {
	a, b, d := c.open(t), c.open(t), c.open(t)
	l := lead(t, a, "127.0.0.1:1001")
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := b.Campaign(ctx, "127.0.0.1:1002")
	wantErr(t, err, context.DeadlineExceeded)
	l.Resign()
	lead(t, d, "127.0.0.1:1003") // b left nothing behind that is in the way
	seesLeader(t, b, "127.0.0.1:1003")
	for _, bad := range []string{"", "host", "host:1\n", ":1"} {
		_, err := a.Campaign(testContext(t), bad)
		wantErr(t, err, zkmeta.ErrInvalid)
	}
}

func testBusy(t *testing.T, c cluster) {
	a := c.open(t)
	l := lead(t, a, "127.0.0.1:1001")
	_, err := a.Campaign(testContext(t), "127.0.0.1:1001")
	wantErr(t, err, zkmeta.ErrBusy)
	l.Resign()
	lead(t, a, "127.0.0.1:1001")
}

func testClose(t *testing.T, c cluster) {
	a, b := c.open(t), c.open(t)
	l := lead(t, a, "127.0.0.1:1001")
	waiting := make(chan error, 1)
	go func() {
		_, err := b.Campaign(testContext(t), "127.0.0.1:1002")
		waiting <- err
	}()
	time.Sleep(50 * time.Millisecond)
	wantOK(t, b.Close())
	wantErr(t, <-waiting, zkmeta.ErrClosed)
	wantOK(t, a.Close())
	wantOK(t, a.Close())
	<-l.Lost()
	wantErr(t, a.Set(testContext(t), "/x", nil), zkmeta.ErrClosed)
	_, err := a.Campaign(testContext(t), "127.0.0.1:1001")
	wantErr(t, err, zkmeta.ErrClosed)
}

func testConcurrent(t *testing.T, c cluster) {
	a, r, ctx := leading(t, c)
	const writers, each = 8, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				p := fmt.Sprintf("%s/%d-%d", r, w, i)
				if err := a.Create(ctx, p, []byte(p)); err != nil {
					t.Errorf("create: %v", err)
				}
				if got, err := a.Get(ctx, p); err != nil || string(got) != p {
					t.Errorf("own write reads as %q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	a.Close()
	b := c.open(t)
	lead(t, b, "127.0.0.1:1002")
	names, err := b.Children(ctx, r)
	wantOK(t, err)
	if len(names) != writers*each {
		t.Fatalf("%d nodes, want %d", len(names), writers*each)
	}
}

// testAlternate lets several candidates lead in turn and count in the state: no
// step is lost and none is made twice.
func testAlternate(t *testing.T, c cluster) {
	const candidates, rounds = 3, 5
	ctx := testContext(t)
	counter := "/t/" + strings.ReplaceAll(t.Name(), "/", "_")
	var wg sync.WaitGroup
	var mu sync.Mutex
	leaders := 0
	for i := range candidates {
		b := c.open(t)
		wg.Go(func() {
			for range rounds {
				l, err := b.Campaign(ctx, fmt.Sprintf("127.0.0.1:%d", 2000+i))
				if err != nil {
					t.Errorf("campaign: %v", err)
					return
				}
				mu.Lock()
				if leaders++; leaders != 1 {
					t.Errorf("%d leaders", leaders)
				}
				mu.Unlock()
				if err := b.CreateAll(ctx, counter, nil); err != nil {
					t.Error(err)
				}
				old, err := b.Get(ctx, counter)
				if err != nil {
					t.Error(err)
				}
				if err := b.Set(ctx, counter, append(old, '|')); err != nil {
					t.Error(err)
				}
				mu.Lock()
				leaders--
				mu.Unlock()
				l.Resign()
			}
		})
	}
	wg.Wait()
	b := c.open(t)
	lead(t, b, "127.0.0.1:3000")
	wantData(t, b, counter, strings.Repeat("|", candidates*rounds))
}
