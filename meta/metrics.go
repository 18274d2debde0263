package meta

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/meta/cluster"
)

// collector exports what a leader counts (names of meta.md 16). A follower exports only that it
// does not lead, so that a sum over all metas is right.
type collector struct{ s *Server }

// Collector returns the metrics of this meta for a registry.
func (s *Server) Collector() prometheus.Collector { return collector{s} }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("pegasus_meta_"+name, help, labels, nil)
}

var (
	descLeading       = desc("leading", "1 while this meta server leads")
	descAlive         = desc("alive_replica_servers", "Living replica servers")
	descUnalive       = desc("unalive_replica_servers", "Dead replica servers")
	descDisconnects   = desc("replica_server_disconnections", "Replica servers declared dead, in this term")
	descChanges       = desc("partition_configuration_changes", "Changes of partition configurations, in this term")
	descChooseFailed  = desc("choose_primary_failed_operations", "Times no primary could be chosen safely, in this term")
	descProposals     = desc("proposals", "Proposals sent to replica servers, in this term")
	descWaiting       = desc("waiting_requests", "Requests that wait for something to be persisted")
	descPartitions    = desc("partitions", "Partitions of a table by what they can do", "table_id", "table_name", "health")
	descBalanceNeeded = desc("balance_operations_needed", "Moves the balancer would make next, by kind", "kind")
)

// Describe lists no metric in advance: which there are depends on who leads.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads the counts of this moment.
func (c collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	t := c.s.leadingTerm()
	if t == nil || !t.ready.Load() {
		gauge(descLeading, 0)
		return
	}
	gauge(descLeading, 1)
	var m snapshot
	t.do(func(int64) { m.take(t) })
	gauge(descAlive, float64(m.alive))
	gauge(descUnalive, float64(m.dead))
	gauge(descWaiting, float64(m.waiting))
	for d, v := range map[*prometheus.Desc]int64{
		descDisconnects: m.counters.NodeDisconnects, descChanges: m.counters.ConfigChanges,
		descChooseFailed: m.counters.ChoosePrimaryFailures, descProposals: m.counters.ProposalsSent,
	} {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	for i, app := range m.apps {
		h := m.health[i]
		for health, n := range map[string]int{
			"dead": h.Dead, "unreadable": h.Unreadable, "unwritable": h.Unwritable, "writable_ill": h.WritableIll, "healthy": h.Healthy,
		} {
			gauge(descPartitions, float64(n), strconv.Itoa(int(app.AppID)), app.AppName, health)
		}
	}
	for kind, n := range m.balance {
		gauge(descBalanceNeeded, float64(n), kind)
	}
}

// snapshot is what is read under the term's lock.
type snapshot struct {
	alive, dead, waiting int
	counters             cluster.Counters
	apps                 []*layer2.AppInfo
	health               []cluster.Health
	balance              map[string]int
}

func (m *snapshot) take(t *term) {
	for _, n := range t.core.NodeLoads() {
		if n.Alive {
			m.alive++
		} else {
			m.dead++
		}
	}
	m.waiting, m.counters, m.balance = len(t.tickets), t.core.Counters(), balanceCounts(t.core)
	req := &metaadmin.ConfigurationListAppsRequest{Status: layer2.AppStatus_AS_AVAILABLE}
	for _, app := range t.core.ListApps(req).Infos {
		if h, ok := t.core.Health(app.AppID); ok {
			m.apps, m.health = append(m.apps, app), append(m.health, h)
		}
	}
}
