//go:build linux

package chaos

import (
	"math/rand/v2"
	"regexp"
	"time"
)

// step is a fault with its victim, its duration, and when it begins after the start of its round.
type step struct {
	fault
	victim      int
	after, last time.Duration
}

// round is one step, or two at once.
type round struct {
	steps  []step
	settle bool // whether the cluster may become healthy before the next round
	pause  time.Duration
}

// planner deals faults: every kind of the menu comes up before one comes up again.
type planner struct {
	rng  *rand.Rand
	menu []fault
	deck []fault
}

// newPlanner plans with the faults that the cluster can have and whose kind matches.
func newPlanner(seed uint64, c *theCluster, only *regexp.Regexp) *planner {
	p := &planner{rng: rand.New(rand.NewPCG(seed, 0))}
	for _, f := range menu() {
		if only.MatchString(f.kind) && (f.needs == nil || f.needs(c)) {
			p.menu = append(p.menu, f)
		}
	}
	return p
}

func (p *planner) deal() fault {
	if len(p.deck) == 0 {
		p.deck = append([]fault(nil), p.menu...)
		p.rng.Shuffle(len(p.deck), func(i, j int) { p.deck[i], p.deck[j] = p.deck[j], p.deck[i] })
	}
	f := p.deck[0]
	p.deck = p.deck[1:]
	return f
}

// The share of rounds, in percent, that have two faults, and after which the cluster may settle.
const (
	twoPercent    = 30
	settlePercent = 60
)

func (p *planner) next() round {
	var r round
	first := p.step(p.deal())
	r.steps = []step{first}
	if !first.alone && p.rng.IntN(100) < twoPercent {
		second := p.step(p.deal())
		if !second.alone {
			second.after = p.within(0, first.last)
			r.steps = append(r.steps, second)
		} else {
			p.deck = append(p.deck, second.fault) // later
		}
	}
	r.settle = p.rng.IntN(100) < settlePercent
	r.pause = p.within(0, 2*time.Second)
	return r
}

func (p *planner) step(f fault) step {
	return step{fault: f, victim: p.rng.IntN(100), last: p.within(f.min, f.max)}
}

func (p *planner) within(min, max time.Duration) time.Duration {
	return min + time.Duration(p.rng.Int64N(int64(max-min)+1)).Truncate(10*time.Millisecond)
}
