package trouble

import (
	"fmt"
	"os"
	"time"

	"github.com/pegasus-go/pegasus/bench"
)

// othersMax is the part of the machine's CPU time from which a report says that other programs took it.
const othersMax = 0.1

// look is what the machine, and of it the servers and this client, have worked so far.
type look struct{ busy, all, ours time.Duration }

func (c *cluster) look() (look, error) {
	pids, err := c.box.Pids()
	if err != nil {
		return look{}, err
	}
	used, err := bench.ProcessUsage(append(pids, os.Getpid()))
	if err != nil {
		return look{}, err
	}
	busy, all, err := bench.MachineTimes()
	if err != nil {
		return look{}, fmt.Errorf("time of the machine: %w", err)
	}
	return look{busy, all, used.CPU}, nil
}

// shares are the part of the machine that went to other programs between two looks, and that of the servers and this client.
func (l look) shares(before look) (others, ours float64) {
	all := (l.all - before.all).Seconds()
	if all <= 0 {
		return 0, 0
	}
	mine := (l.ours - before.ours).Seconds()
	return max(0, (l.busy-before.busy).Seconds()-mine) / all, mine / all
}
