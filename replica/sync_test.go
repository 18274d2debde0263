package replica

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/rpc"
)

// pacedHost writes down how long is waited, and says how each wait ended.
type pacedHost struct {
	host.Host
	ends   []int // what Wait returns, one after the other; the last one ends the server
	pauses []time.Duration
	stop   context.CancelFunc
}

func (h *pacedHost) Wait(d time.Duration, on ...<-chan struct{}) int {
	if d == host.Forever || len(h.ends) == 0 {
		return h.Host.Wait(d, on...)
	}
	h.pauses = append(h.pauses, d)
	end := h.ends[0]
	if h.ends = h.ends[1:]; len(h.ends) == 0 {
		h.stop()
	}
	return end
}

// syncMeta answers config syncs with one code after the other.
type syncMeta struct {
	rpc.Caller
	codes []base.ErrorCode
}

func (m *syncMeta) Go(_ base.RPCAddress, _ rpc.Call, done rpc.Done) {
	resp := metaadmin.NewConfigurationQueryByNodeResponse()
	resp.Err = m.codes[0].Ptr()
	m.codes = m.codes[1:]
	done(base.ErrOK, rpc.AppendValue(nil, rpc.FieldNative, resp))
}

func (m *syncMeta) Close() error { return nil }

// A sync is made at once when there is a lease, repeated soon when it failed, and only then it is the server's turn.
func TestConfigSyncsAreMadeInTurn(t *testing.T) {
	s := idleServer(t, vfs.NewMem())
	interval, turn := s.opts.ConfigSyncInterval, turnOf(s.self, s.opts.ConfigSyncInterval)
	const over, told = host.TimedOut, 1
	h := &pacedHost{Host: host.System, ends: []int{over, over, told, over, over, over, over, over}}
	m := &syncMeta{codes: []base.ErrorCode{
		base.ErrOK, base.ErrOK, base.ErrOK, // the first one, and two in turn
		base.ErrOK,                                         // another meta server leads
		base.ErrServiceNotActive, base.ErrServiceNotActive, // it loads its state
		base.ErrOK, base.ErrOK,
	}}
	want := []time.Duration{turn, interval, interval, turn, syncRetry, syncRetry, turn, interval}
	s.host, s.meta, h.stop = h, newMetaClient(h, m, s.opts.Metas, time.Second), s.cancel
	s.connected.Store(true)
	s.syncLoop()
	if !slices.Equal(h.pauses, want) {
		t.Errorf("pauses %v, want %v", h.pauses, want)
	}
}

// The turns of servers that begin together fill the interval evenly: machines in a row, or ports of one.
func TestTurnsFillTheInterval(t *testing.T) {
	const interval, servers = 10 * time.Second, 100
	for name, address := range map[string]func(i int) base.RPCAddress{
		"machines": func(i int) base.RPCAddress { return base.AddressOf(0x0A000000+uint32(i), 34801) },
		"ports":    func(i int) base.RPCAddress { return base.AddressOf(0x7F000001, 34801+uint16(i)) },
	} {
		var perSecond [10]int
		for i := range servers {
			perSecond[turnOf(address(i), interval)/time.Second]++
		}
		for second, n := range perSecond {
			if n < servers/20 || n > servers/5 {
				t.Errorf("%s: %d of %d servers have their turn in second %d", name, n, servers, second)
			}
		}
	}
}
