package zkmeta

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/samuel/go-zookeeper/zk"

	"github.com/pegasus-go/pegasus/zkmeta/zktest"
)

const testLockRoot = "/pegasus/test/lock"

func openZK(t *testing.T, session time.Duration, hosts ...string) *ZooKeeper {
	t.Helper()
	z, err := OpenZooKeeper(hosts, ZooKeeperOptions{LockRoot: testLockRoot, SessionTimeout: session, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close() })
	return z
}

// rawSession is a client of its own, as a C++ meta or an operator has.
func rawSession(t *testing.T, addr string) *zk.Conn {
	t.Helper()
	c, _, err := zk.Connect([]string{addr}, 5*time.Second, zk.WithLogger(clientLog{quiet}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer func() { recover() }() // closed by the test already
		c.Close()
	})
	return c
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within 30 s: %s", what)
}

type campaignResult struct {
	lease Lease
	err   error
	at    time.Time
}

func campaignInBackground(b Backend, self string) <-chan campaignResult {
	done := make(chan campaignResult, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		l, err := b.Campaign(ctx, self)
		done <- campaignResult{l, err, time.Now()}
	}()
	return done
}

func result(t *testing.T, c <-chan campaignResult) campaignResult {
	t.Helper()
	r := <-c
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r
}

// setUntilKnown repeats a write whose outcome is open, as meta does.
func setUntilKnown(t *testing.T, z *ZooKeeper, path, data string) {
	t.Helper()
	eventually(t, "write "+path, func() bool {
		err := z.Set(context.Background(), path, []byte(data))
		if err != nil && !errors.Is(err, ErrTimeout) {
			t.Fatal(err)
		}
		if err != nil {
			t.Logf("write %s: %v", path, err)
		}
		return err == nil
	})
}

func mustCreateAll(t *testing.T, b Backend, path, data string) {
	t.Helper()
	if err := b.CreateAll(context.Background(), path, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

// What a C++ meta and its tools look at: names, data, kinds and access lists.
func TestLockNodeShape(t *testing.T) {
	server := zktest.Start(t, zktest.Options{})
	a, b := openZK(t, 5*time.Second, server.Addr()), openZK(t, 5*time.Second, server.Addr())
	leadTest(t, a, "meta-1:34601")
	campaignInBackground(b, "meta-2:34601")
	raw := rawSession(t, server.Addr())
	dir := testLockRoot + "/dsn.meta.server.leader"
	var names []string
	eventually(t, "two candidates", func() bool {
		var err error
		if names, _, err = raw.Children(dir); err != nil {
			t.Fatal(err)
		}
		return len(names) == 2
	})
	names = sortCandidates(names)
	for i, want := range []struct{ name, data string }{
		{"LOCKNODE0000000000", "meta-1:34601"}, {"LOCKNODE0000000001", "meta-2:34601"},
	} {
		data, stat, err := raw.Get(dir + "/" + names[i])
		if err != nil || names[i] != want.name || string(data) != want.data || stat.EphemeralOwner == 0 {
			t.Fatalf("%s holds %q, owner %x, %v; want %v", names[i], data, stat.EphemeralOwner, err, want)
		}
		acl, _, err := raw.GetACL(dir + "/" + names[i])
		if err != nil || len(acl) != 1 || acl[0] != openACL[0] {
			t.Fatalf("access list %v, %v", acl, err)
		}
	}
	mustCreateAll(t, a, "/pegasus/test/apps", "unlock")
	_, stat, err := raw.Get("/pegasus/test/apps")
	if err != nil || stat.EphemeralOwner != 0 {
		t.Fatalf("state must be persistent: owner %x, %v", stat.EphemeralOwner, err)
	}
}

// A C++ meta with a smaller sequence leads; ours names it and waits for it.
func TestWaitsForAnotherImplementation(t *testing.T) {
	server := zktest.Start(t, zktest.Options{})
	raw := rawSession(t, server.Addr())
	dir := testLockRoot + "/" + lockDirName
	for _, p := range ancestors(dir) {
		if _, err := raw.Create(p, nil, 0, openACL); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := raw.Create(dir+"/unrelated", nil, 0, openACL); err != nil {
		t.Fatal(err)
	}
	cpp, err := raw.Create(dir+"/LOCKNODE", []byte("cpp-meta:34601"), zk.FlagEphemeral|zk.FlagSequence, openACL)
	if err != nil {
		t.Fatal(err)
	}
	z := openZK(t, 5*time.Second, server.Addr())
	waiting := campaignInBackground(z, "go-meta:34601")
	leaderIs := func(want string) {
		t.Helper()
		eventually(t, "leader "+want, func() bool {
			addr, _, err := z.Leader(context.Background())
			return err == nil && addr == want
		})
	}
	leaderIs("cpp-meta:34601")
	select {
	case r := <-waiting:
		t.Fatalf("leads beside another: %v", r.err)
	case <-time.After(200 * time.Millisecond):
	}
	if err := raw.Delete(cpp, -1); err != nil {
		t.Fatal(err)
	}
	result(t, waiting)
	leaderIs("go-meta:34601")
}

// A meta that was killed and started again does not wait for its old session.
func TestTakesOverItsOwnOldLock(t *testing.T) {
	server := zktest.Start(t, zktest.Options{Tick: time.Second})
	old := openZK(t, 20*time.Second, server.Addr())
	lost := leadTest(t, old, "meta-1:34601")
	again := openZK(t, 20*time.Second, server.Addr())
	begin := time.Now()
	leadTest(t, again, "meta-1:34601")
	if took := time.Since(begin); took > 5*time.Second {
		t.Fatalf("took %v", took)
	}
	wantLost(t, lost)
}

// The server itself refuses the writes of a leader that does not know yet that
// it was deposed.
func TestFencingOnTheServer(t *testing.T) {
	server := zktest.Start(t, zktest.Options{})
	a := openZK(t, 5*time.Second, server.Addr())
	l := leadTest(t, a, "meta-1:34601").(*zkLease)
	mustCreateAll(t, a, "/s/x", "mine")
	l.Resign()
	// a believes that it leads, with a proof that says so.
	believer := newZKLease(a, l.name, l.session, time.Now())
	a.mu.Lock()
	a.led = believer
	a.mu.Unlock()
	b := openZK(t, 5*time.Second, server.Addr())
	leadTest(t, b, "meta-2:34601")
	ctx := context.Background()
	for name, write := range map[string]func() error{
		"set":        func() error { return a.Set(ctx, "/s/x", []byte("late")) },
		"create":     func() error { return a.Create(ctx, "/s/y", nil) },
		"delete":     func() error { return a.Delete(ctx, "/s/x") },
		"delete-all": func() error { return a.DeleteAll(ctx, "/s") },
		"txn":        func() error { return a.Txn(ctx, []Op{{Kind: OpDelete, Path: "/s/x"}}) },
	} {
		believer = newZKLease(a, l.name, l.session, time.Now())
		a.mu.Lock()
		a.led = believer
		a.mu.Unlock()
		if err := write(); !errors.Is(err, ErrNotLeader) {
			t.Fatalf("%s of a deposed leader: %v", name, err)
		}
		wantLost(t, believer)
	}
	if data, err := b.Get(ctx, "/s/x"); string(data) != "mine" || err != nil {
		t.Fatalf("%q, %v", data, err)
	}
}

// Cut off from ZooKeeper, the leader gives up before its session can end; only
// then can the next one lead; and the first can come back later.
func TestLeaderCutOff(t *testing.T) {
	const session = 4 * time.Second
	server := zktest.Start(t, zktest.Options{})
	proxy := zktest.NewProxy(t, server.Addr())
	a, b := openZK(t, session, proxy.Addr()), openZK(t, session, server.Addr())
	l := leadTest(t, a, "meta-1:34601")
	mustCreateAll(t, a, "/s/x", "1")
	next := campaignInBackground(b, "meta-2:34601")
	cut := time.Now()
	proxy.Cut()
	wantLost(t, l)
	lostAt := time.Now()
	if after := lostAt.Sub(cut); after > session*3/4 {
		t.Fatalf("noticed after %v, the session lasts %v", after, session)
	}
	if err := a.Set(context.Background(), "/s/x", []byte("late")); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("%v, want ErrNotLeader", err)
	}
	r := result(t, next)
	if r.at.Before(lostAt) {
		t.Fatal("two leaders at once")
	}
	setUntilKnown(t, b, "/s/x", "2")
	eventually(t, "the one cut off knows no leader", func() bool {
		_, known, err := a.Leader(context.Background())
		return err == nil && !known
	})
	back := campaignInBackground(a, "meta-1:34601")
	proxy.Heal()
	r.lease.Resign()
	result(t, back)
	if data, err := a.Get(context.Background(), "/s/x"); string(data) != "2" || err != nil {
		t.Fatalf("%q, %v", data, err)
	}
}

// writeUntilDeposed leads and writes as fast as it can, printing what was answered.
func writeUntilDeposed(addr string) {
	ctx := context.Background()
	z, err := OpenZooKeeper([]string{addr}, ZooKeeperOptions{LockRoot: testLockRoot, SessionTimeout: 2 * time.Second, Logger: quiet})
	if err == nil {
		_, err = z.Campaign(ctx, "meta-1:34601")
	}
	if err == nil {
		err = z.CreateAll(ctx, "/s/x", nil)
	}
	for i := 1; err == nil; i++ {
		if err = z.Set(ctx, "/s/x", fmt.Append(nil, "child ", i)); err == nil {
			fmt.Println("wrote", i)
		}
	}
	for errors.Is(err, ErrTimeout) { // not known: repeat, as meta does
		err = z.Set(ctx, "/s/x", []byte("child again"))
	}
	fmt.Println("ended:", err)
	os.Exit(0)
}

// A leader that is suspended in the middle of its writes and wakes up after
// somebody else took over changes nothing any more.
func TestSuspendedLeader(t *testing.T) {
	server := zktest.Start(t, zktest.Options{})
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ZKMETA_TEST_ZOOKEEPER="+server.Addr())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	for range 20 {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), "wrote") {
			t.Fatalf("the other process says %q", lines.Text())
		}
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	z := openZK(t, 2*time.Second, server.Addr())
	leadTest(t, z, "meta-2:34601")
	setUntilKnown(t, z, "/s/x", "parent")
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	last := ""
	for lines.Scan() {
		last = lines.Text()
	}
	cmd.Wait()
	if !strings.Contains(last, ErrNotLeader.Error()) {
		t.Fatalf("the suspended leader ended with %q", last)
	}
	if data, err := z.Get(context.Background(), "/s/x"); string(data) != "parent" || err != nil {
		t.Fatalf("%q, %v", data, err)
	}
}

// A short cut costs nothing but time: the session, and so the lease, stay.
func TestShortCutKeepsTheLease(t *testing.T) {
	server := zktest.Start(t, zktest.Options{Tick: time.Second})
	proxy := zktest.NewProxy(t, server.Addr())
	a := openZK(t, 20*time.Second, proxy.Addr())
	l := leadTest(t, a, "meta-1:34601")
	mustCreateAll(t, a, "/s/x", "1")
	for range 3 {
		proxy.Cut()
		time.Sleep(100 * time.Millisecond)
		proxy.Heal()
		setUntilKnown(t, a, "/s/x", "2")
	}
	if !l.Valid() {
		t.Fatal("lost the lease")
	}
}

// The server is killed and started again: state, session and lease survive.
func TestServerRestart(t *testing.T) {
	server := zktest.Start(t, zktest.Options{Tick: 5 * time.Second})
	a, err := OpenZooKeeper([]string{server.Addr()}, ZooKeeperOptions{
		LockRoot: testLockRoot, SessionTimeout: 100 * time.Second, CallTimeout: 2 * time.Second, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	l := leadTest(t, a, "meta-1:34601")
	mustCreateAll(t, a, "/s/x", "1")
	for _, data := range []string{"2", "3"} {
		setUntilKnown(t, a, "/s/x", data)
		server.Kill()
		if err := a.Set(context.Background(), "/s/x", []byte("unknown")); !errors.Is(err, ErrTimeout) {
			t.Fatalf("write without a server: %v", err)
		}
		server.Restart()
		setUntilKnown(t, a, "/s/x", data)
		if got, err := a.Get(context.Background(), "/s/x"); string(got) != data || err != nil {
			t.Fatalf("%q, %v; want %q", got, err, data)
		}
	}
	if !l.Valid() {
		t.Fatal("lost the lease")
	}
}

// A server that is just starting may accept a connection and never answer it. The session is far from its end then, but
// the next attempt succeeds.
func TestConnectionIsNeverAnswered(t *testing.T) {
	server := zktest.Start(t, zktest.Options{Tick: 5 * time.Second})
	proxy := zktest.NewProxy(t, server.Addr())
	a, err := OpenZooKeeper([]string{proxy.Addr()}, ZooKeeperOptions{
		LockRoot: testLockRoot, SessionTimeout: 100 * time.Second, CallTimeout: 2 * time.Second, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	leadTest(t, a, "meta-1:34601")
	mustCreateAll(t, a, "/s/x", "1")
	proxy.Swallow(1)
	proxy.Cut()
	proxy.Heal()
	setUntilKnown(t, a, "/s/x", "2")
}

// A server that stands still looks like no server: calls end in time, the
// leader gives up, and when it moves on somebody leads again.
func TestFrozenServer(t *testing.T) {
	const session = 3 * time.Second
	server := zktest.Start(t, zktest.Options{})
	a, b := openZK(t, session, server.Addr()), openZK(t, session, server.Addr())
	l := leadTest(t, a, "meta-1:34601")
	mustCreateAll(t, a, "/s/x", "1")
	next := campaignInBackground(b, "meta-2:34601")
	server.Freeze()
	begin := time.Now()
	if err := a.Set(context.Background(), "/s/x", []byte("2")); !errors.Is(err, ErrTimeout) {
		t.Fatalf("%v, want ErrTimeout", err)
	}
	if took := time.Since(begin); took > session {
		t.Fatalf("the call took %v", took)
	}
	wantLost(t, l)
	if took := time.Since(begin); took > session {
		t.Fatalf("noticed after %v, the session lasts %v", took, session)
	}
	time.Sleep(session)
	server.Thaw()
	// a does not campaign again, so its lock must not keep b out.
	r := result(t, next)
	setUntilKnown(t, b, "/s/x", "3")
	if !r.lease.Valid() {
		t.Fatal("the new leader does not lead")
	}
}

// An operator who deletes the lock node takes leadership away.
func TestDeletedLockNode(t *testing.T) {
	server := zktest.Start(t, zktest.Options{})
	a, b := openZK(t, 5*time.Second, server.Addr()), openZK(t, 5*time.Second, server.Addr())
	l := leadTest(t, a, "meta-1:34601").(*zkLease)
	next := campaignInBackground(b, "meta-2:34601")
	begin := time.Now()
	if err := rawSession(t, server.Addr()).Delete(l.node, -1); err != nil {
		t.Fatal(err)
	}
	wantLost(t, l)
	if took := time.Since(begin); took > 2*time.Second {
		t.Fatalf("noticed after %v", took)
	}
	result(t, next)
}

// A host that accepts connections and never answers does not hold a client up
// for long.
func TestSilentHost(t *testing.T) {
	server := zktest.Start(t, zktest.Options{})
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for range 4 { // the client begins with a random host
		z := openZK(t, 3*time.Second, silent.Addr().String(), server.Addr())
		begin := time.Now()
		l := leadTest(t, z, "meta-1:34601")
		if took := time.Since(begin); took > 6*time.Second {
			t.Fatalf("took %v", took)
		}
		l.Resign()
		z.Close()
	}
}

// The server may grant another session timeout than asked for; the lease must
// live by that.
func TestGrantedSessionTimeout(t *testing.T) {
	server := zktest.Start(t, zktest.Options{Tick: 100 * time.Millisecond}) // 200 ms to 2 s
	z := openZK(t, time.Minute, server.Addr())
	l := leadTest(t, z, "meta-1:34601").(*zkLease)
	if got := z.sessionTimeout(); got != 2*time.Second {
		t.Fatalf("session timeout %v, want 2s", got)
	}
	if left := l.deadline(); left > 2*time.Second*2/3 {
		t.Fatalf("a proof holds for %v", left)
	}
}

func TestLockSequence(t *testing.T) {
	for name, want := range map[string]int64{
		"LOCKNODE0000000000": 0, "LOCKNODE0000000012": 12, "_c_1234-LOCKNODE0000000003": 3, "LOCKNODE2147483648": 2147483648,
		"LOCKNODE": -1, "locknode0000000001": -1, "0000000001": -1, "LOCKNODE-000000001": -1, "LOCKNODE99999999999999999999": -1, "": -1,
	} {
		got, ok := lockSequence(name)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d, %v", name, got, ok)
		}
	}
}

// The tree that a C++ cluster left in ZooKeeper goes through both backends
// unchanged.
func TestRecordedTree(t *testing.T) {
	vectors := os.Getenv("PEGASUS_VECTORS")
	if vectors == "" {
		t.Skip("skipped: PEGASUS_VECTORS does not name the folder with recordings of an original cluster")
	}
	type recorded struct {
		Path, Data string
		Ephemeral  bool
		Children   []recorded
	}
	b, err := os.ReadFile(filepath.Join(vectors, "zk", "tree.json"))
	if err != nil {
		t.Fatal(err)
	}
	var top recorded
	if err := json.Unmarshal(b, &top); err != nil {
		t.Fatal(err)
	}
	server := zktest.Start(t, zktest.Options{})
	ctx := context.Background()
	for name, s := range map[string]Backend{
		"embedded": openTest(t, t.TempDir(), EmbeddedOptions{}), "zookeeper": openZK(t, 5*time.Second, server.Addr()),
	} {
		leadTest(t, s, "meta-1:34601")
		nodes := 0
		var each func(r recorded, visit func(recorded))
		each = func(r recorded, visit func(recorded)) {
			for _, c := range r.Children {
				if !c.Ephemeral && !strings.HasPrefix(c.Path, "/zookeeper") {
					visit(c)
					each(c, visit)
				}
			}
		}
		each(top, func(r recorded) { mustCreateAll(t, s, r.Path, r.Data) })
		each(top, func(r recorded) {
			nodes++
			if got, err := s.Get(ctx, r.Path); string(got) != r.Data || err != nil {
				t.Errorf("%s: %s holds %q, %v", name, r.Path, got, err)
			}
		})
		if nodes < 20 {
			t.Fatalf("only %d nodes were recorded", nodes)
		}
	}
}
