package meta

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestMetricsOfALeader(t *testing.T) {
	c := startCluster(t, 1, 3, 0)
	c.complete("temp", 2, 10e9)
	registry := prometheus.NewRegistry()
	if err := registry.Register(c.leader().Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"pegasus_meta_leading": 1, "pegasus_meta_alive_replica_servers": 3, "pegasus_meta_unalive_replica_servers": 0,
		"pegasus_meta_partitions healthy 2 temp": 8, "pegasus_meta_partitions dead 2 temp": 0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	if got["pegasus_meta_partition_configuration_changes"] < 24 {
		t.Errorf("%v changes of configurations", got["pegasus_meta_partition_configuration_changes"])
	}
}
