package cluster

import (
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// lastReply persists everything and returns the last answer.
func (w *world) lastReply() any {
	var last any
	for {
		effects := w.s.Take()
		if len(effects) == 0 {
			return last
		}
		for _, e := range effects {
			if r, ok := e.(Reply); ok {
				last = r.Response
			}
			w.persisted(e)
		}
	}
}

// What could not be stored, or not be read back, is refused before it becomes part of the state.
func TestNamesAndEnvironmentsAreBounded(t *testing.T) {
	o := DefaultOptions()
	o.MinLiveNodesForUnfreeze, o.LivePercentage = 1, 0
	w := &world{s: New(o), now: 1_000_000}
	w.s.OnBeacon(w.now, Beacon{From: nodeAddr("n1"), StartMs: 1})
	create := func(name string, envs map[string]string) base.ErrorCode {
		w.s.CreateApp(w.now, w.nextTicket(), &metaadmin.ConfigurationCreateAppRequest{
			AppName: name, Options: &metaadmin.CreateAppOptions{PartitionCount: 1, ReplicaCount: 1, AppType: "pegasus", Envs: envs},
		})
		return w.lastReply().(*metaadmin.ConfigurationCreateAppResponse).Err.Val()
	}
	if err := create("t", nil); err != base.ErrOK {
		t.Fatal(err)
	}
	for what, err := range map[string]base.ErrorCode{
		"no name":           create("", nil),
		"a long name":       create(strings.Repeat("n", nameBytesMax+1), nil),
		"a name of bytes":   create("\xff\xfe", nil),
		"a big environment": create("u", map[string]string{"business.info": strings.Repeat("x", envBytesMax)}),
		"bytes as a value":  create("u", map[string]string{"business.info": "\xff"}),
	} {
		if err != base.ErrInvalidParameters {
			t.Errorf("%s: %v", what, err)
		}
	}
	set := func(bytes int) base.ErrorCode {
		w.s.UpdateAppEnv(w.nextTicket(), &metaadmin.ConfigurationUpdateAppEnvRequest{
			AppName: "t", Op: metaadmin.AppEnvOperation_APP_ENV_OP_SET,
			Keys: []string{"business.info"}, Values: []string{strings.Repeat("x", bytes)},
		})
		return w.lastReply().(*metaadmin.ConfigurationUpdateAppEnvResponse).Err.Val()
	}
	if err := set(envBytesMax); err != base.ErrInvalidParameters {
		t.Errorf("a big value: %v", err)
	}
	if err := set(1000); err != base.ErrOK {
		t.Errorf("a value after it: %v", err)
	}
	if got := len(w.s.App("t").Envs["business.info"]); got != 1000 {
		t.Errorf("%d bytes are kept", got)
	}
}

// A beacon that is answered renews the lease of the server that sent it, so it must also put off the
// moment at which that server counts as dead, whatever the server's clock says.
func TestAnsweredBeaconCounts(t *testing.T) {
	w := &world{s: New(DefaultOptions()), now: 1_000_000}
	n := nodeAddr("n1")
	w.s.OnBeacon(w.now, Beacon{From: n, StartMs: 900_000})
	w.s.Take()
	for range 40 { // the process was restarted on a machine whose clock had been set back
		w.now += 1000
		if a := w.s.OnBeacon(w.now, Beacon{From: n, StartMs: 500_000}); a.Ignore || !a.Allowed {
			t.Fatalf("the beacon is answered with %+v", a)
		}
		w.s.Tick(w.now)
		if !w.s.nodes[n].alive {
			t.Fatalf("the server counts as dead %d ms after a beacon that was answered", w.now-w.s.nodes[n].beaconMs)
		}
	}
}

// A server that restarted too often is not answered until a process of it has run for the stable time. That
// ends too when its clock was set back, so that no process seems to start later than those before.
func TestMutedServerIsHeardAgainWithItsClockSetBack(t *testing.T) {
	for _, back := range []int64{0, 5_000_000, -5_000_000} { // the other way round it is the meta server's clock
		w := &world{s: New(DefaultOptions()), now: 10_000_000}
		n := nodeAddr("n1")
		ignored := false
		for range 8 {
			w.now += 5000
			ignored = w.s.OnBeacon(w.now, Beacon{From: n, StartMs: w.now + max(0, -back)}).Ignore
		}
		if !ignored {
			t.Fatal("a server that restarts all the time is answered")
		}
		start, began := w.now-back, w.now
		for ignored && w.now < began+3*w.s.opts.StableRunMs {
			w.now += 3000
			ignored = w.s.OnBeacon(w.now, Beacon{From: n, StartMs: start}).Ignore
		}
		if ran := w.now - began; ignored || ran < w.s.opts.StableRunMs {
			t.Errorf("clock set back by %d: ignored %v after %d ms of one process", back, ignored, ran)
		}
	}
}
