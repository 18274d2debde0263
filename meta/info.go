package meta

import (
	"strings"

	"github.com/pegasus-go/pegasus/meta/cluster"
)

// clusterInfo is what cluster_info shows, in the order tools expect.
func (s *Server) clusterInfo(core *cluster.State) (keys, values []string) {
	primaries, replicas := core.Deviation()
	for _, kv := range [][2]string{
		{"meta_servers", strings.Join(s.opts.MetaServers, ",")},
		{"primary_meta_server", s.opts.Name},
		{"zookeeper_hosts", s.opts.ZooKeeperHosts},
		{"zookeeper_root", s.opts.ClusterRoot},
		{"meta_function_level", core.LevelText()},
		{"balance_operation_count", prettyJSON(balanceCounts(core))},
		{"primary_replica_count_stddev", primaries},
		{"total_replica_count_stddev", replicas},
		{"cluster_name", s.opts.ClusterName},
	} {
		keys = append(keys, kv[0])
		values = append(values, kv[1])
	}
	return keys, values
}

// balanceCounts is the number of moves that the balancer would make next, by kind. The total is -1
// while that cannot be told.
func balanceCounts(core *cluster.State) map[string]int {
	c, known := core.BalanceCounts()
	total := c.MovePrimary + c.CopyPrimary + c.CopySecondary
	if !known {
		total = -1
	}
	return map[string]int{"copy_pri": c.CopyPrimary, "copy_sec": c.CopySecondary, "move_pri": c.MovePrimary, "total": total}
}
