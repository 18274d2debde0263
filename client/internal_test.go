package client

import (
	"testing"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/rpc"
)

func addr(port uint16) base.RPCAddress { return base.AddressOf(0x7F000001, port) }

func TestAFollowersAnswerIsNoAnswer(t *testing.T) {
	hinted := rpc.AppendValue(nil, 0, &layer2.QueryCfgResponse{
		Err:        base.ErrForwardToOthers.Ptr(),
		Partitions: []*layer2.PartitionConfiguration{{Pid: &base.Gpid{}, Primary: addr(7).Ptr()}},
	})
	plain := rpc.AppendValue(nil, 0, &metaadmin.ConfigurationDropAppResponse{Err: base.ErrForwardToOthers.Ptr()})
	good := rpc.AppendValue(nil, 0, &metaadmin.ConfigurationDropAppResponse{Err: base.ErrAppNotExist.Ptr()})
	for name, tc := range map[string]struct {
		code string
		a    metaAnswer
		want verdict
	}{
		"hint in query_cfg":     {queryCfgCode, metaAnswer{code: base.ErrOK, body: hinted}, verdict{code: base.ErrForwardToOthers, hint: addr(7)}},
		"no hint elsewhere":     {"RPC_CM_DROP_APP", metaAnswer{code: base.ErrOK, body: plain}, verdict{code: base.ErrForwardToOthers}},
		"native hint":           {"RPC_CM_DROP_APP", metaAnswer{code: base.ErrForwardToOthers, body: rpc.AppendValue(nil, 0, addr(8).Ptr())}, verdict{code: base.ErrForwardToOthers, hint: addr(8)}},
		"native without a hint": {"RPC_CM_DROP_APP", metaAnswer{code: base.ErrForwardToOthers}, verdict{code: base.ErrForwardToOthers}},
		"broken connection":     {"RPC_CM_DROP_APP", metaAnswer{code: base.ErrNetworkFailure}, verdict{code: base.ErrNetworkFailure}},
		"the leader's refusal":  {"RPC_CM_DROP_APP", metaAnswer{code: base.ErrOK, body: good}, verdict{answered: true, code: base.ErrAppNotExist}},
	} {
		if got := judge(tc.code, tc.a); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func FuzzAnswersOfAMetaNeverPanic(f *testing.F) {
	f.Add(rpc.AppendValue(nil, 0, &layer2.QueryCfgResponse{Err: base.ErrOK.Ptr(), PartitionCount: 4,
		Partitions: []*layer2.PartitionConfiguration{{Pid: base.Gpid{AppID: 1, PartitionIndex: 3}.Ptr(), Primary: addr(7).Ptr()}}}))
	f.Add([]byte{0x0C, 0, 0, 0x0C, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, body []byte) {
		judge(queryCfgCode, metaAnswer{code: base.ErrOK, body: body})
		judge(queryCfgCode, metaAnswer{code: base.ErrForwardToOthers, body: body})
		resp := layer2.NewQueryCfgResponse()
		if _, err := rpc.ReadValue(body, resp); err != nil {
			return
		}
		if r, ok := routingOf(resp); ok {
			r.locate(0)
			r.locate(1<<64 - 1)
		}
	})
}

func TestRowsOfAChildThatIsNotRegisteredAreAtItsParent(t *testing.T) {
	r := &routing{appID: 1, parts: []partitionRoute{{addr(1), 3}, {addr(2), 3}, {addr(3), 4}, {base.RPCAddress{}, -1}}}
	for hash, want := range map[uint64]int32{0: 0, 1: 1, 2: 2, 3: 1, 7: 1} {
		if i, _ := r.locate(hash); i != want {
			t.Errorf("hash %d at %d, want %d", hash, i, want)
		}
	}
}

func TestAPartitionThatMovedIsAskedAtOnce(t *testing.T) {
	here := &routing{parts: []partitionRoute{{addr(1), 3}, {addr(2), 3}}}
	for name, tc := range map[string]struct {
		now  *routing
		want bool
	}{
		"the same":       {here, false},
		"another moved":  {&routing{parts: []partitionRoute{{addr(1), 3}, {addr(3), 4}}}, false},
		"no primary yet": {&routing{parts: []partitionRoute{{base.RPCAddress{}, 4}, {addr(2), 3}}}, false},
		"a new primary":  {&routing{parts: []partitionRoute{{addr(2), 4}, {addr(2), 3}}}, true},
	} {
		core := newTableCore(&Client{}, "t")
		core.route.Store(tc.now)
		if got := core.moved(here, 0); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The first queries in a row are close together, and the longest pause is the option's.
func TestRoutingQueriesInARow(t *testing.T) {
	core := newTableCore(&Client{opts: Options{RefreshInterval: time.Hour}}, "t")
	core.last = time.Now()
	last := time.Duration(0)
	for n := range 40 {
		d := core.nextInterval()
		if n == 0 && d != refreshFirst || d < last || d > time.Hour {
			t.Fatalf("pause %d is %v after %v", n, d, last)
		}
		last = d
	}
	if core.last = time.Now().Add(-refreshRowEnds*time.Hour - 1); core.nextInterval() != 0 {
		t.Error("a new row goes on like the old one")
	}
	if core.last = time.Now(); core.nextInterval() != refreshFirst {
		t.Error("a new row does not begin fast")
	}
}

func TestARoutingThatLiesIsRefused(t *testing.T) {
	part := func(i int32) []*layer2.PartitionConfiguration {
		return []*layer2.PartitionConfiguration{{Pid: base.Gpid{AppID: 1, PartitionIndex: i}.Ptr()}}
	}
	for name, resp := range map[string]*layer2.QueryCfgResponse{
		"no partitions":    {PartitionCount: 4},
		"count of nothing": {PartitionCount: 0, Partitions: part(0)},
		"negative count":   {PartitionCount: -1, Partitions: part(0)},
		"absurd count":     {PartitionCount: 1 << 30, Partitions: part(0)},
		"outside":          {PartitionCount: 4, Partitions: part(4)},
		"negative index":   {PartitionCount: 4, Partitions: part(-1)},
		"no id":            {PartitionCount: 4, Partitions: []*layer2.PartitionConfiguration{{}}},
	} {
		if _, ok := routingOf(resp); ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestOneMetaUnderTwoNamesIsOne(t *testing.T) {
	got, err := resolveMetas([]string{"127.0.0.1:34601", "localhost:34601", "127.0.0.1:34602"})
	if err != nil || len(got) != 2 {
		t.Error(got, err)
	}
	for _, bad := range [][]string{nil, {"x"}, {"127.0.0.1"}, {"[::1]:34601"}, {"127.0.0.1:port"}} {
		if got, err := resolveMetas(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestBackoffGrowsToASecond(t *testing.T) {
	last := backoff(0)
	for n := 1; n < 100; n++ {
		if d := backoff(n); d < last || d > backoffMax {
			t.Fatal(n, d)
		} else {
			last = d
		}
	}
	if last != backoffMax {
		t.Fatal(last)
	}
}
