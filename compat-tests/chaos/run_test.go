//go:build linux

package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// healWithin bounds the time to full health after the end of faults. It is a failure detector, not a measure.
const healWithin = 180 * time.Second

// run is a scenario that runs.
type run struct {
	t       *testing.T
	binary  string
	c       *theCluster
	began   time.Time
	records *records
	report  *scenarioReport

	mu       sync.Mutex
	events   *os.File
	taken    map[*server]bool // by the faults of the present round
	problems []string
}

func (r *run) logf(format string, args ...any) {
	text := fmt.Sprintf("%s %6.1f s  %s", time.Now().Format("15:04:05.000"), time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t.Log(text)
	_, _ = fmt.Fprintln(r.events, text)
}

// problem notes what must not happen; the run goes on to its checks, which may tell more.
func (r *run) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.logf("PROBLEM: %s", text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, text)
}

func (r *run) bad() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.problems) > 0
}

// take chooses a server of a role that no other fault of the round harms. There are always enough: a round has two faults, a
// fault at most two victims.
func (r *run) take(role string, n int) *server {
	list := r.c.of(role)
	for i := range list {
		if s := list[(n+i)%len(list)]; r.takeServer(s) {
			return s
		}
	}
	// Everything is taken by a fault of links: harm one that has such links too.
	return list[n%len(list)]
}

func (r *run) takeServer(s *server) bool {
	r.mu.Lock()
	if r.taken[s] {
		r.mu.Unlock()
		return false
	}
	r.taken[s] = true
	r.mu.Unlock()
	r.logf("victim: %s", s.name)
	return true
}

// errNoVictim: a fault of one certain server has no victim when the other fault of the round harms it, or when nobody leads.
var errNoVictim = errors.New("no victim")

func (r *run) takeLeader() (*server, error) {
	s, err := r.c.leader(leaderIn)
	if err != nil || s == nil || !r.takeServer(s) {
		return nil, errNoVictim
	}
	return s, nil
}

// faultsUntil runs rounds until the time is over or something went wrong.
func (r *run) faultsUntil(end time.Time, p *planner) {
	for time.Now().Before(end) && !r.bad() {
		r.round(p.next())
	}
}

func (r *run) round(n round) {
	r.taken = map[*server]bool{}
	started := monotonicNs()
	var wg sync.WaitGroup
	for _, s := range n.steps {
		wg.Go(func() { r.step(s) })
	}
	wg.Wait()
	ended := monotonicNs()
	if n.settle && !r.bad() {
		r.settle(healWithin)
	}
	r.report.rounds = append(r.report.rounds, roundReport{kinds: kinds(n), started: started, ended: ended, settled: monotonicNs(), waited: n.settle})
	time.Sleep(n.pause)
}

func kinds(n round) (list []string) {
	for _, s := range n.steps {
		list = append(list, s.kind)
	}
	return list
}

// step injects a fault, lets it last, and undoes it.
func (r *run) step(s step) {
	time.Sleep(s.after)
	r.logf("fault: %s, for %v", s.kind, s.last)
	undo, err := s.inject(r, s)
	if errors.Is(err, errNoVictim) {
		r.logf("skipped: %v", err)
		return
	}
	if err != nil {
		r.problem("%s: %v", s.kind, err)
	}
	r.report.count(s.kind)
	if !s.itself {
		time.Sleep(s.last)
	}
	if undo != nil {
		if err := undo(); err != nil {
			r.problem("undo %s: %v", s.kind, err)
		}
		r.logf("over: %s", s.kind)
	}
}

// settle waits for full health, or says what is missing.
func (r *run) settle(within time.Duration) {
	began := time.Now()
	if _, err := r.c.awaitHealthy(within); err != nil {
		r.problem("not healthy %v after the end of faults: %v\n%s", within, err, r.describe())
		return
	}
	r.logf("healthy after %.1f s", time.Since(began).Seconds())
}

// describe is what the shell says about the tables and servers.
func (r *run) describe() string {
	out, err := r.runOnClients(nil, r.binary, "shell", "-m", strings.Join(r.c.addresses(roleMeta), ","),
		"-c", "ls -d", "-c", "nodes -d", "-c", "app "+table+" -d")
	return fmt.Sprintf("%s%v", out, err)
}

// tail is the end of every server's log.
func (r *run) tail() string {
	const tailBytes = 3000
	var b strings.Builder
	files, _ := filepath.Glob(filepath.Join(r.c.dir, "*", "*.log"))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		fmt.Fprintf(&b, "\n== %s\n%s", f, text[max(0, len(text)-tailBytes):])
	}
	return b.String()
}
