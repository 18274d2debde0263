//go:build linux

package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/compat-tests/thft"
)

// movePasses is how often every partition is moved by one fault.
const movePasses = 3

// movePartitions does what an operator's balancing does: roles change hands, and replicas go to servers that have none of their
// partition. What the meta server refuses because something else is under way does not count.
func movePartitions(r *run, s step) (func() error, error) {
	for pass := range movePasses {
		var cfg thft.Config
		err := r.c.clients.Do(func() (err error) {
			cfg, err = thft.AwaitHealthy(r.c.addresses(roleMeta), table, healWithin)
			return err
		})
		if err != nil {
			return nil, err
		}
		words := []string{"shell", "-m", strings.Join(r.c.addresses(roleMeta), ",")}
		for i, p := range cfg.Partitions {
			words = append(words, "-c", r.move(cfg.AppID, i, p, s.victim+pass+i))
		}
		out, err := r.runOnClients(nil, r.binary, words...)
		if err != nil {
			r.logf("moves: %v", err) // a meta server that is being killed may not answer
		}
		r.logf("%d moves, %d of them accepted", len(cfg.Partitions), strings.Count(out, "OK"))
		time.Sleep(s.last / movePasses)
	}
	return nil, nil
}

// move is the shell's command for one partition.
func (r *run) move(app int32, index int, p thft.Partition, choice int) string {
	from, to, kind := p.Primary, p.Secondaries[choice%len(p.Secondaries)], "move_pri"
	for _, server := range r.c.addresses(roleReplica) {
		if server == p.Primary || slices.Contains(p.Secondaries, server) {
			continue
		}
		switch choice % 3 { // there is a server without a replica of this partition
		case 0:
			to, kind = server, "copy_pri"
		case 1:
			from, to, kind = to, server, "copy_sec"
		}
	}
	return fmt.Sprintf("balance -g %d.%d -p %s -f %s -t %s", app, index, kind, from, to)
}
