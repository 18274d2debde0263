package box

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/pegasus-go/pegasus/bench"
)

// A cluster is quiet when its servers together use less than quietShare of one core over quietLook.
const (
	quietLook  = 250 * time.Millisecond
	quietShare = 0.15
)

// Settle waits until the servers have done what earlier load left them to do (flushes, compactions), at most for the given
// time. It tells whether they became quiet.
func (b *Box) Settle(ctx context.Context, most time.Duration) (bool, error) {
	pids, err := b.Pids()
	if err != nil {
		return false, err
	}
	last, err := bench.ProcessUsage(pids)
	if err != nil {
		return false, err
	}
	for end := time.Now().Add(most); time.Now().Before(end); {
		began := time.Now()
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-time.After(quietLook):
		}
		now, err := bench.ProcessUsage(pids)
		if err != nil {
			return false, err
		}
		if (now.CPU - last.CPU).Seconds() < quietShare*time.Since(began).Seconds() {
			return true, nil
		}
		last = now
	}
	return false, nil
}

// Pids are the processes of all servers.
func (b *Box) Pids() ([]int, error) { return b.pidsOf(slices.Concat(b.Metas, b.Replicas)) }

// ReplicaPids are the processes of the replica servers.
func (b *Box) ReplicaPids() ([]int, error) { return b.pidsOf(b.Replicas) }

func (b *Box) pidsOf(addresses []string) ([]int, error) {
	var list []int
	for _, address := range addresses {
		port, err := portOf(address)
		if err != nil {
			return nil, err
		}
		list = append(list, port)
	}
	byPort, err := bench.Listeners(list)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, port := range list {
		if byPort[port] == 0 {
			return nil, errors.Join(fmt.Errorf("box: nobody listens on port %d", port), b.Alive())
		}
		pids = append(pids, byPort[port])
	}
	return pids, nil
}

func portOf(address string) (int, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, fmt.Errorf("box: %w", err)
	}
	return int(at.Port()), nil
}
