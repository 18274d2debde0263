package meta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/command"
	"github.com/pegasus-go/pegasus/gen-go/fd"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// flaky is a store whose writes fail when told to, and whose reads can be held back.
type flaky struct {
	zkmeta.Backend
	mu   sync.Mutex
	errs []error
	gate chan struct{} // reads wait until it is closed; nil: they don't

	unproven atomic.Bool // leases cannot be proven, and are not known to be lost
}

func (f *flaky) fail(errs ...error) {
	f.mu.Lock()
	f.errs = append(f.errs, errs...)
	f.mu.Unlock()
}

func (f *flaky) next() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.errs) == 0 {
		return nil
	}
	err := f.errs[0]
	f.errs = f.errs[1:]
	return err
}

func (f *flaky) Set(ctx context.Context, path string, data []byte) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.Backend.Set(ctx, path, data)
}

func (f *flaky) Get(ctx context.Context, path string) ([]byte, error) {
	if f.gate != nil {
		select {
		case <-f.gate:
		case <-ctx.Done():
			return nil, zkmeta.ErrTimeout
		}
	}
	return f.Backend.Get(ctx, path)
}

func startFlaky(t *testing.T, change func(*flaky, *Options)) (*Server, *flaky) {
	t.Helper()
	store, err := zkmeta.OpenEmbedded(t.TempDir(), zkmeta.EmbeddedOptions{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Backend: store}
	opts := testOptions(f)
	opts.StoreRetry = 50 * time.Millisecond
	if change != nil {
		change(f, &opts)
	}
	s, err := Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		store.Close()
	})
	return s, f
}

func waitLeading(t *testing.T, s *Server) {
	t.Helper()
	eventually(t, 5*time.Second, func() error {
		if !s.Leading() {
			return errors.New("not leading")
		}
		return nil
	})
}

// doubted is a lease whose proof can be taken away.
type doubted struct {
	zkmeta.Lease
	unproven *atomic.Bool
}

func (d doubted) Valid() bool { return !d.unproven.Load() && d.Lease.Valid() }

func (f *flaky) Campaign(ctx context.Context, self string) (zkmeta.Lease, error) {
	l, err := f.Backend.Campaign(ctx, self)
	if err != nil {
		return nil, err
	}
	return doubted{l, &f.unproven}, nil
}

// startLoading starts a meta that leads and goes on loading until the function it returns is called.
func startLoading(t *testing.T, change func(*Options)) (s *Server, f *flaky, finish func()) {
	t.Helper()
	gate := make(chan struct{})
	s, f = startFlaky(t, func(f *flaky, o *Options) {
		f.gate = gate
		if change != nil {
			change(o)
		}
	})
	eventually(t, 5*time.Second, func() error {
		if s.term.Load() == nil {
			return errors.New("no term")
		}
		return nil
	})
	return s, f, func() { close(gate) }
}

func beaconOf(s *Server, port uint16) *fd.BeaconMsg {
	startMs := int64(5)
	return &fd.BeaconMsg{Time: 5, FromNode: base.AddressOf(0x7F000001, port).Ptr(), ToNode: s.Addr().Ptr(), StartTime: &startMs}
}

// A leader that loads its state keeps leases alive; whoever wants to know something is told to come again.
func TestLeaderThatIsLoadingAnswersBeaconsAlone(t *testing.T) {
	s, _, finish := startLoading(t, nil)
	c, native := newClient(t, rpc.THFTv0), newClient(t, rpc.Native)
	var cfg layer2.QueryCfgResponse
	c.mustCall(s.Addr(), "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", &layer2.QueryCfgRequest{AppName: "temp"}, &cfg)
	if cfg.Err.Val() != base.ErrServiceNotActive {
		t.Errorf("a client is answered %v", cfg.Err)
	}
	var sync metaadmin.ConfigurationQueryByNodeResponse
	native.mustCall(s.Addr(), "RPC_CM_CONFIG_SYNC", &metaadmin.ConfigurationQueryByNodeRequest{Node: beaconOf(s, 34801).FromNode}, &sync)
	if sync.Err.Val() != base.ErrServiceNotActive {
		t.Errorf("a config sync is answered %v", sync.Err)
	}
	var update metaadmin.ConfigurationUpdateResponse
	native.mustCall(s.Addr(), "RPC_CM_UPDATE_PARTITION_CONFIGURATION", &metaadmin.ConfigurationUpdateRequest{}, &update)
	if update.Err.Val() != base.ErrServiceNotActive {
		t.Errorf("a change of a configuration is answered %v", update.Err)
	}
	var ack fd.BeaconAck
	native.mustCall(s.Addr(), "RPC_FD_PROCESS_ENDED", beaconOf(s, 34801), &ack)
	if ack.IsMaster {
		t.Errorf("the word of a witness is answered %v", &ack)
	}
	acknowledged := func() {
		t.Helper()
		native.mustCall(s.Addr(), "RPC_FD_FAILURE_DETECTOR_PING", beaconOf(s, 34801), &ack)
		if !ack.IsMaster || !ack.Allowed || ack.Time != 5 || ack.PrimaryNode.Val() != s.Addr() || ack.ThisNode.Val() != s.Addr() {
			t.Errorf("beacon answered %v", &ack)
		}
	}
	acknowledged()
	if s.Leading() {
		t.Fatal("it was not loading any more")
	}
	finish()
	waitLeading(t, s)
	acknowledged()
	var nodes metaadmin.ConfigurationListNodesResponse
	c.mustCall(s.Addr(), "RPC_CM_LIST_NODES", &metaadmin.ConfigurationListNodesRequest{Status: metaadmin.NodeStatus_NS_ALIVE}, &nodes)
	if len(nodes.Infos) != 1 {
		t.Errorf("alive after loading: %v", nodes.Infos)
	}
}

// Neither a leader that is loading nor one that has loaded acknowledges beacons once its lock cannot be proven.
func TestUnprovenLeaderAcknowledgesNothing(t *testing.T) {
	s, f, finish := startLoading(t, nil)
	native := newClient(t, rpc.Native)
	for _, state := range []string{"loading", "loaded"} {
		for _, unproven := range []bool{true, false} {
			f.unproven.Store(unproven)
			var ack fd.BeaconAck
			native.mustCall(s.Addr(), "RPC_FD_FAILURE_DETECTOR_PING", beaconOf(s, 34801), &ack)
			if ack.IsMaster == unproven || unproven && ack.PrimaryNode.Val().IsValid() {
				t.Errorf("%s, unproven: %v: beacon answered %v", state, unproven, &ack)
			}
		}
		if state == "loading" {
			finish()
			waitLeading(t, s)
		}
	}
}

// A server that is not on the allow list gets no lease before it is known whether it is a member of something, and no
// refusal, which released servers take as final.
func TestServerOffTheListWaitsForTheState(t *testing.T) {
	s, _, finish := startLoading(t, func(o *Options) { o.AllowList = []base.RPCAddress{base.AddressOf(0x7F000001, 34802)} })
	native := newClient(t, rpc.Native)
	answer := func(port uint16) (ack fd.BeaconAck) {
		native.mustCall(s.Addr(), "RPC_FD_FAILURE_DETECTOR_PING", beaconOf(s, port), &ack)
		return ack
	}
	if ack := answer(34801); ack.IsMaster || !ack.Allowed || ack.PrimaryNode.Val().IsValid() {
		t.Errorf("loading, beacon answered %v", &ack)
	}
	if ack := answer(34802); !ack.IsMaster || !ack.Allowed {
		t.Errorf("loading, on the list, beacon answered %v", &ack)
	}
	finish()
	waitLeading(t, s)
	if ack := answer(34801); !ack.IsMaster || ack.Allowed {
		t.Errorf("loaded, beacon answered %v", &ack)
	}
}

func TestNativeCallerIsForwardedInTheFrame(t *testing.T) {
	c := startCluster(t, 2, 0, rpc.Native)
	leader := c.leader()
	for _, s := range c.metas {
		if s == leader {
			continue
		}
		eventually(t, 2*time.Second, func() error { // the leader's name takes a moment to get around
			if a, _ := s.leader(); a != leader.Addr() {
				return fmt.Errorf("leader is %s, %s is known", leader.Addr(), a)
			}
			return nil
		})
		body, err := c.pool.CallBytes(context.Background(), s.Addr(), rpc.Call{
			Name: "RPC_CM_LIST_APPS", TimeoutMs: 2000, Body: rpc.AppendValue(nil, rpc.FieldNative, &metaadmin.ConfigurationListAppsRequest{}),
		})
		if !errors.Is(err, base.ErrForwardToOthers) {
			t.Fatalf("answers %v", err)
		}
		var to base.RPCAddress
		if _, err := rpc.ReadValue(body, &to); err != nil || to != leader.Addr() {
			t.Errorf("sends to %v (%v), want %v", to, err, leader.Addr())
		}
		thft := newClient(t, rpc.THFTv1)
		var resp metaadmin.ConfigurationListAppsResponse
		thft.mustCall(s.Addr(), "RPC_CM_LIST_APPS", &metaadmin.ConfigurationListAppsRequest{}, &resp)
		if resp.Err.Val() != base.ErrForwardToOthers || len(resp.Infos) != 0 {
			t.Errorf("answers %v", &resp)
		}
	}
}

func TestHostPortFieldsAreOptional(t *testing.T) {
	for mode, want := range map[string][2]bool{ // to THFT, to native
		HostPortNever: {false, false}, HostPortNative: {false, true}, HostPortAlways: {true, true},
	} {
		s, _ := startFlaky(t, func(_ *flaky, o *Options) { o.SendHostPort = mode })
		waitLeading(t, s)
		for i, d := range []rpc.Dialect{rpc.THFTv0, rpc.Native} {
			var resp layer2.QueryCfgResponse
			newClient(t, d).mustCall(s.Addr(), "RPC_CM_QUERY_PARTITION_CONFIG_BY_INDEX", &layer2.QueryCfgRequest{AppName: "temp"}, &resp)
			if got := len(resp.Partitions) == 8 && resp.Partitions[0].HpSecondaries != nil; got != want[i] {
				t.Errorf("%s, dialect %v: hp_* sent: %v", mode, d, got)
			}
		}
	}
	// Whoever tells its own name wants names.
	s, _ := startFlaky(t, nil)
	waitLeading(t, s)
	var ack fd.BeaconAck
	newClient(t, rpc.Native).mustCall(s.Addr(), "RPC_FD_FAILURE_DETECTOR_PING", &fd.BeaconMsg{
		FromNode: base.AddressOf(0x7F000001, 34801).Ptr(), ToNode: s.Addr().Ptr(),
		HpFromNode: &base.HostPort{Host: "localhost", Port: 34801, Type: base.HostPortNormal},
	}, &ack)
	if ack.HpPrimaryNode == nil || ack.HpThisNode == nil {
		t.Errorf("beacon answered %v", &ack)
	}
	if _, nodes := get(t, "http://"+s.Addr().String()+"/meta/nodes"); nodes[:40] != `{"details":{"localhost:34801":{"address"` {
		t.Errorf("nodes: %s", nodes)
	}
}

func setEnv(c *client, to base.RPCAddress) (*metaadmin.ConfigurationUpdateAppEnvResponse, error) {
	var resp metaadmin.ConfigurationUpdateAppEnvResponse
	err := c.call(to, "RPC_CM_UPDATE_APP_ENV", &metaadmin.ConfigurationUpdateAppEnvRequest{
		AppName: "temp", Op: metaadmin.AppEnvOperation_APP_ENV_OP_SET, Keys: []string{"default_ttl"}, Values: []string{"7"},
	}, &resp)
	return &resp, err
}

func TestWriteThatTimesOutIsRepeated(t *testing.T) {
	s, f := startFlaky(t, nil)
	waitLeading(t, s)
	f.fail(zkmeta.ErrTimeout, zkmeta.ErrTimeout)
	begin := time.Now()
	resp, err := setEnv(newClient(t, rpc.THFTv0), s.Addr())
	if err != nil || resp.Err.Val() != base.ErrOK || time.Since(begin) < 100*time.Millisecond {
		t.Errorf("%v %v after %v", resp.Err, err, time.Since(begin))
	}
}

func TestLeaderStepsDownWhenItCannotWrite(t *testing.T) {
	s, f := startFlaky(t, nil)
	waitLeading(t, s)
	first := s.term.Load()
	f.fail(zkmeta.ErrNotLeader)
	c := newClient(t, rpc.THFTv0)
	if _, err := setEnv(c, s.Addr()); !errors.Is(err, base.ErrTimeout) {
		t.Errorf("the outcome is unknown, but the answer is %v", err)
	}
	eventually(t, 5*time.Second, func() error {
		if s.term.Load() == first || !s.Leading() {
			return errors.New("still in the first term")
		}
		return nil
	})
	if resp, err := setEnv(c, s.Addr()); err != nil || resp.Err.Val() != base.ErrOK {
		t.Errorf("in the next term: %v %v", resp.Err, err)
	}
}

func TestRemoteCommands(t *testing.T) {
	c := startCluster(t, 1, 0, rpc.THFTv0)
	addr := c.leader().Addr()
	run := func(cmd string, args ...string) string {
		body, err := c.pool.CallBytes(context.Background(), addr, rpc.Call{
			Name: "RPC_CLI_CLI_CALL", TimeoutMs: 2000,
			Body: rpc.AppendValue(nil, c.pool.ArgField(), &command.Command{Cmd: cmd, Arguments: args}),
		})
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := rpc.ReadString(body)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, x := range []struct {
		cmd  string
		args []string
		want string
	}{
		{"meta.lb.assign_delay_ms", nil, `{"error":"ok","meta.lb.assign_delay_ms":"600000"}`},
		{"meta.lb.assign_delay_ms", []string{"10"}, `{"error":"ok"}`},
		{"meta.lb.assign_delay_ms", nil, `{"error":"ok","meta.lb.assign_delay_ms":"10"}`},
		{"meta.lb.assign_delay_ms", []string{"default"}, `{"error":"ok","meta.lb.assign_delay_ms":600000}`},
		{"meta.lb.assign_delay_ms", []string{"-1"}, `{"error":"ERR: invalid argument '-1', the value is not acceptable"}`},
		{"meta.lb.assign_delay_ms", []string{"1", "2"}, `{"error":"ERR: invalid arguments '1 2', only one argument is acceptable"}`},
		{"meta.live_percentage", []string{"101"}, `{"error":"ERR: invalid argument '101', the value is not acceptable"}`},
		{"meta.live_percentage", []string{"50"}, `{"error":"ok"}`},
		{"meta.lb.add_secondary_enable_flow_control", nil, `{"error":"ok","meta.lb.add_secondary_enable_flow_control":"true"}`},
		{"meta.lb.add_secondary_enable_flow_control", []string{"x"}, `{"error":"ERR: invalid arguments, 'x' is not a boolean"}`},
		{"meta.lb.add_secondary_max_count_for_one_node", []string{"0"}, `{"error":"ok"}`},
		{"meta.lb.assign_secondary_black_list", []string{"127.0.0.1:1,127.0.0.1:2"}, `{"error":"ok"}`},
		{"meta.lb.assign_secondary_black_list", nil, `{"error":"ok","assign_secondary_black_list":"127.0.0.1:1,127.0.0.1:2"}`},
		{"meta.lb.assign_secondary_black_list", []string{"nonsense"}, `{"error":"invalid argument, bad host:port 'nonsense'"}`},
		{"meta.lb.assign_secondary_black_list", []string{"clear"}, `{"error":"ok"}`},
		{"meta.lb.only_move_primary", []string{"true"}, `{"error":"ok"}`},
		{"meta.lb.only_move_primary", nil, `{"error":"ok","meta.lb.only_move_primary":"true"}`},
		{"meta.lb.ignored_app_list", []string{"set", "2,1"}, `{"error":"ok"}`},
		{"meta.lb.ignored_app_list", []string{"get"}, `{"ignored_app_id_list":"1,2"}`},
		{"meta.lb.ignored_app_list", []string{"set", "x"}, `{"error":"invalid argument(s)"}`},
		{"meta.lb.get_balance_operation_count", nil, `{"total":-1}`},
		{"meta.lb.get_balance_operation_count", []string{"detail"}, `{"copy_pri":0,"copy_sec":0,"move_pri":0,"total":-1}`},
		{"fd.allow_list", nil, `{"allow_list":"","enabled":false}`},
	} {
		var got, want map[string]any
		if err := json.Unmarshal([]byte(run(x.cmd, x.args...)), &got); err != nil {
			t.Errorf("%s %v: %v", x.cmd, x.args, err)
		}
		if err := json.Unmarshal([]byte(x.want), &want); err != nil {
			t.Fatal(err)
		}
		if g, w := compactJSON(got), compactJSON(want); g != w {
			t.Errorf("%s %v: got %s, want %s", x.cmd, x.args, g, w)
		}
	}
}
