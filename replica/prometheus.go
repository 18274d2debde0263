package replica

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// runtimeMetrics are those of the process: memory, garbage collection, CPU, files.
var runtimeMetrics = func() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}()

// prometheusText is the metrics page in the text format of Prometheus.
func (s *Server) prometheusText() string {
	var out bytes.Buffer
	families, err := runtimeMetrics.Gather()
	for _, f := range families {
		if _, encErr := expfmt.MetricFamilyToText(&out, f); encErr != nil && err == nil {
			err = encErr
		}
	}
	if err != nil {
		fmt.Fprintf(&out, "# runtime metrics: %v\n", err)
	}
	fmt.Fprintf(&out, "# TYPE plog_syncs_total counter\nplog_syncs_total %d\n", s.journals.syncs())
	typed := map[string]bool{}
	for _, e := range s.entities() {
		var labels []string
		for k, v := range e.Attributes {
			labels = append(labels, fmt.Sprintf("%s=%q", k, v))
		}
		for _, m := range e.Metrics {
			name := "pegasus_" + e.Type + "_" + m.Name
			if !typed[name] {
				typed[name] = true
				fmt.Fprintf(&out, "# TYPE %s %s\n", name, strings.ToLower(m.Type))
			}
			fmt.Fprintf(&out, "%s{%s} %d\n", name, strings.Join(labels, ","), m.Value)
		}
	}
	return out.String()
}
