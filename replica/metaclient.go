package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/rpc"
)

// metaClient finds the leading meta server and talks to it.
type metaClient struct {
	pool    rpc.Caller
	host    host.Host
	metas   []base.RPCAddress
	timeout time.Duration

	mu     sync.Mutex
	leader base.RPCAddress
	next   int
}

func newMetaClient(on host.Host, pool rpc.Caller, metas []base.RPCAddress, timeout time.Duration) *metaClient {
	return &metaClient{pool: pool, host: on, metas: metas, timeout: timeout, leader: metas[0]}
}

func (m *metaClient) current() base.RPCAddress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leader
}

// moveOn leaves a server that did not lead: to its hint, or to the next of the list.
func (m *metaClient) moveOn(from, hint base.RPCAddress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leader != from {
		return
	}
	if hint.IsValid() && hint != from {
		m.leader = hint
		return
	}
	m.next = (m.next + 1) % len(m.metas)
	if m.metas[m.next] == from {
		m.next = (m.next + 1) % len(m.metas)
	}
	m.leader = m.metas[m.next]
}

// call asks the leader, looking for it once around the list; the caller repeats when it must.
func (m *metaClient) call(ctx context.Context, name string, args, result thrift.TStruct) error {
	body := rpc.AppendValue(nil, rpc.FieldNative, args)
	var last error
	for range len(m.metas) + 1 {
		to := m.current()
		code, hint, err := m.ask(ctx, to, name, body, result)
		switch {
		case err != nil:
			return err
		case code == base.ErrOK:
			return nil
		}
		last = fmt.Errorf("%s at meta server %s: %w", name, to, code)
		m.moveOn(to, hint)
		if ctx.Err() != nil {
			break
		}
	}
	return last
}

// ask makes one call; hint is the leader that a follower named.
func (m *metaClient) ask(ctx context.Context, to base.RPCAddress, name string, body []byte, result thrift.TStruct) (code base.ErrorCode, hint base.RPCAddress, err error) {
	type answer struct {
		code base.ErrorCode
		body []byte
	}
	// The answer is decoded here and not where it arrives: result belongs to a caller who may have gone.
	done, arrived := make(chan answer, 1), make(chan struct{}, 1)
	m.pool.Go(to, rpc.Call{Name: name, TimeoutMs: int32(m.timeout / time.Millisecond), Body: body}, func(code base.ErrorCode, body []byte) {
		done <- answer{code, bytes.Clone(body)}
		arrived <- struct{}{}
	})
	if m.host.Wait(host.Forever, arrived, ctx.Done()) != 0 {
		return base.ErrTimeout, hint, errors.Join(errors.New(name), ctx.Err())
	}
	a := <-done
	switch {
	case a.code == base.ErrForwardToOthers && len(a.body) > 0:
		_, _ = rpc.ReadValue(a.body, &hint) // without a hint the next meta server is asked
	case a.code == base.ErrOK:
		_, err = rpc.ReadValue(a.body, result)
		if forward, ok := result.(interface{ GetErr() *base.ErrorCode }); ok && err == nil && forward.GetErr().Val() == base.ErrForwardToOthers {
			a.code = base.ErrForwardToOthers
		}
	}
	return a.code, hint, err
}
