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
		{"balance_operation_count", balanceCounts(core)},
		{"primary_replica_count_stddev", primaries},
		{"total_replica_count_stddev", replicas},
		{"cluster_name", s.opts.ClusterName},
	} {
		keys = append(keys, kv[0])
		values = append(values, kv[1])
	}
	return keys, values
}

// balanceCounts is the number of moves that would balance the cluster. It is not computed, which
// the total says as the original says it: -1.
func balanceCounts(*cluster.State) string {
	return prettyJSON(map[string]int{"copy_pri": 0, "copy_sec": 0, "move_pri": 0, "total": -1})
}
