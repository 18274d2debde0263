package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// ServerCost is what the measured operations cost the servers. Fields that could not be measured are nil.
type ServerCost struct {
	Processes          int      `json:"processes"`            // server processes on this machine
	SharedWithClient   bool     `json:"shared_with_client"`   // servers and client are one process: the figures hold both
	CPUMicrosPerOp     *float64 `json:"cpu_us_per_op"`        // user and system time of all server processes
	CPUSeconds         *float64 `json:"cpu_seconds"`          //
	ClientMicrosPerOp  *float64 `json:"client_cpu_us_per_op"` // of this process
	RSSBytes           *int64   `json:"rss_bytes"`            // resident memory of all server processes at the end
	AllocationsPerOp   *float64 `json:"allocations_per_op"`   // of the replica servers' heaps
	AllocatedByteOp    *float64 `json:"allocated_bytes_per_op"`
	SyncsPerOp         *float64 `json:"syncs_per_op"`              // of private logs
	CallsPerOp         *float64 `json:"syscalls_per_op"`           // reads and writes of all server processes, see Usage
	SwitchesPerOp      *float64 `json:"voluntary_switches_per_op"` // of all server processes
	OthersShare        *float64 `json:"others_cpu_share"`          // part of the machine's CPU time that went neither to the servers nor to this client
	Note               string   `json:"note,omitempty"`
	used               Usage
	client             time.Duration
	mallocs, allocated float64
	syncs              float64
}

// metrics of the servers that are read, by their names in Prometheus' text format.
const (
	mallocsMetric   = "go_memstats_mallocs_total"
	allocatedMetric = "go_memstats_alloc_bytes_total"
	syncsMetric     = "plog_syncs_total"
)

const (
	metricsPath     = "/metrics?format=prometheus"
	metricsWait     = 2 * time.Second
	metricsBytesMax = 32 << 20
)

// servers watches the processes and metrics of a cluster from begin to end.
type servers struct {
	pids     []int
	note     string
	replicas []string // "ip:port"
	http     http.Client
	before   sample
}

type sample struct {
	server, client Usage
	busy, all      time.Duration      // of all cores; 0: not known
	metrics        map[string]float64 // sums over the replica servers; nil when not available
}

// watchServers finds the servers of the cluster. What cannot be found is noted and left out of the result.
func watchServers(ctx context.Context, c *client.Client, o *Options) *servers {
	s := &servers{http: http.Client{Timeout: metricsWait}}
	nodes, err := c.Admin().ListNodes(ctx, metaadmin.NodeStatus_NS_ALIVE)
	if err != nil {
		s.note = fmt.Sprintf("no CPU time: the meta does not list its nodes: %v", err)
		return s
	}
	for _, node := range nodes {
		s.replicas = append(s.replicas, node.GetNode().Val().String())
	}
	addresses := append(append([]string(nil), s.replicas...), c.Metas()...)
	if s.pids, err = serverProcesses(addresses); err != nil {
		s.note = "no CPU time: " + strings.TrimPrefix(err.Error(), "bench: ")
	}
	return s
}

// begin reads the metrics first and the processes last, end the other way round: what reading metrics costs the servers is not
// in their CPU time.
func (s *servers) begin(ctx context.Context) {
	metrics := s.readMetrics(ctx)
	s.before = s.look()
	s.before.metrics = metrics
}

func (s *servers) look() sample {
	var now sample
	var err error
	if now.server, err = ProcessUsage(s.pids); err != nil {
		s.note, s.pids = "no CPU time: a server process ended", nil
	}
	if own, err := ProcessUsage([]int{os.Getpid()}); err == nil {
		now.client = own
	}
	if now.busy, now.all, err = MachineTimes(); err != nil {
		now.busy, now.all = 0, 0 // not told here
	}
	return now
}

// end returns what was used since begin, not yet divided by the operations.
func (s *servers) end(ctx context.Context) *ServerCost {
	now := s.look()
	now.metrics = s.readMetrics(ctx)
	cost := &ServerCost{Processes: len(s.pids), Note: s.note}
	for _, pid := range s.pids {
		cost.SharedWithClient = cost.SharedWithClient || pid == os.Getpid()
	}
	if len(s.pids) > 0 {
		cost.used = now.server.Difference(s.before.server)
		cost.RSSBytes = &now.server.RSSBytes
	}
	cost.client = now.client.Difference(s.before.client).CPU
	if all := now.all - s.before.all; all > 0 && len(s.pids) > 0 {
		ours := cost.used.CPU
		if !cost.SharedWithClient {
			ours += cost.client
		}
		others := max(0, (now.busy-s.before.busy-ours).Seconds()/all.Seconds())
		cost.OthersShare = &others
	}
	difference := func(name string) float64 {
		after, ok := now.metrics[name]
		before, had := s.before.metrics[name]
		if !ok || !had {
			return -1
		}
		return after - before
	}
	cost.mallocs, cost.allocated, cost.syncs = difference(mallocsMetric), difference(allocatedMetric), difference(syncsMetric)
	return cost
}

// perOperation divides what was used by the number of operations.
func (c *ServerCost) perOperation(operations int64) *ServerCost {
	if operations <= 0 {
		return c
	}
	per := func(total float64) *float64 {
		if total < 0 {
			return nil
		}
		value := total / float64(operations)
		return &value
	}
	if c.Processes > 0 {
		seconds := c.used.CPU.Seconds()
		c.CPUSeconds = &seconds
		c.CPUMicrosPerOp = per(float64(c.used.CPU.Microseconds()))
		c.CallsPerOp, c.SwitchesPerOp = per(float64(c.used.Calls)), per(float64(c.used.Switches))
	}
	c.ClientMicrosPerOp = per(float64(c.client.Microseconds()))
	c.AllocationsPerOp, c.AllocatedByteOp, c.SyncsPerOp = per(c.mallocs), per(c.allocated), per(c.syncs)
	return c
}

// readMetrics sums the metrics of the replica servers. Servers in one process all report that process; each process is asked
// once, which the number of processes tells.
func (s *servers) readMetrics(ctx context.Context) map[string]float64 {
	sums := map[string]float64{}
	ask := s.replicas
	if len(s.pids) == 1 && len(ask) > 1 {
		ask = ask[:1]
	}
	for _, address := range ask {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+metricsPath, nil)
		if err != nil {
			return nil
		}
		response, err := s.http.Do(request)
		if err != nil {
			return nil
		}
		addMetrics(sums, io.LimitReader(response.Body, metricsBytesMax))
		response.Body.Close()
	}
	return sums
}

// addMetrics adds the values of the metrics that are read, over all their labels.
func addMetrics(sums map[string]float64, text io.Reader) {
	scanner := bufio.NewScanner(text)
	for scanner.Scan() {
		line := scanner.Text()
		end := strings.IndexAny(line, "{ ")
		if end < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		name := line[:end]
		if name != mallocsMetric && name != allocatedMetric && name != syncsMetric {
			continue
		}
		fields := strings.Fields(line[strings.LastIndexByte(line, '}')+1:])
		if line[end] == ' ' {
			fields = strings.Fields(line[end:])
		}
		if len(fields) == 0 {
			continue
		}
		if value, err := strconv.ParseFloat(fields[0], 64); err == nil {
			sums[name] += value
		}
	}
}
