package meta

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/meta/cluster"
)

func num[T int | int32 | int64](n T) string { return strconv.FormatInt(int64(n), 10) }

func (s *Server) pageCluster(url.Values, *http.Request) (int, string) {
	return s.read(func(core *cluster.State) (int, string) {
		keys, values := s.clusterInfo(core)
		var cells []cell
		for i, k := range keys {
			if k != "cluster_name" { // which this page does not have
				cells = append(cells, row(k, values[i]))
			}
		}
		return http.StatusOK, object(cells...) + "\n"
	})
}

func (s *Server) pageAppEnvs(q url.Values, _ *http.Request) (int, string) {
	if q.Get("name") == "" {
		return http.StatusBadRequest, "name shouldn't be empty"
	}
	return s.read(func(core *cluster.State) (int, string) {
		var cells []cell
		if app := core.App(q.Get("name")); app != nil {
			for _, k := range slices.Sorted(maps.Keys(app.Envs)) {
				cells = append(cells, row(k, app.Envs[k]))
			}
		}
		return http.StatusOK, object(cells...) + "\n"
	})
}

func (s *Server) pageNodes(q url.Values, _ *http.Request) (int, string) {
	if !only(q, "detail") {
		return http.StatusBadRequest, ""
	}
	return s.read(func(core *cluster.State) (int, string) {
		g := grid{titles: []string{"address", "status", "replica_count", "primary_count", "secondary_count"}}
		alive, all := 0, core.NodeLoads()
		for _, n := range all {
			status := "UNALIVE"
			if n.Alive {
				status = "ALIVE"
				alive++
			}
			values := []string{core.HostPort(n.Addr).String(), status}
			if q.Has("detail") {
				values = append(values, num(n.Replicas), num(n.Primaries), num(n.Replicas-n.Primaries))
			}
			g.add(values...)
		}
		cells := append(named(nil, "details", g), member("summary", object(
			row("total_node_count", num(len(all))), row("alive_node_count", num(alive)), row("unalive_node_count", num(len(all)-alive)),
		)))
		return http.StatusOK, object(cells...) + "\n"
	})
}

func (s *Server) pageApp(q url.Values, _ *http.Request) (int, string) {
	if !only(q, "name", "detail") {
		return http.StatusBadRequest, ""
	}
	name := q.Get("name")
	if name == "" {
		return http.StatusBadRequest, "app name shouldn't be empty"
	}
	return s.read(func(core *cluster.State) (int, string) {
		app := core.App(name)
		if app == nil {
			return http.StatusNotFound, fmt.Sprintf("table not found: %q", name)
		}
		cells := []cell{member("general", object(
			row("app_name", app.AppName), row("app_id", num(app.AppID)),
			row("partition_count", num(app.PartitionCount)), row("max_replica_count", num(app.MaxReplicaCount)),
		))}
		if q.Has("detail") {
			cells = appDetail(core, cells, app)
		}
		return http.StatusOK, object(cells...) + "\n"
	})
}

func appDetail(core *cluster.State, cells []cell, app *layer2.AppInfo) []cell {
	replicas := grid{titles: []string{"pidx", "ballot", "replica_count", "primary", "secondaries"}}
	type count struct{ primary, secondary int }
	counts := map[base.RPCAddress]*count{}
	at := func(n base.RPCAddress) *count {
		if counts[n] == nil {
			counts[n] = &count{}
		}
		return counts[n]
	}
	health := tableHealth{}
	for i, c := range core.Configs(app.AppID) {
		primary := "-"
		if c.Primary.IsValid() {
			primary = core.HostPort(c.Primary).String()
			at(c.Primary).primary++
		}
		var secondaries []string
		for _, n := range c.Secondaries {
			secondaries = append(secondaries, core.HostPort(n).String())
			at(n).secondary++
		}
		health.add(&c)
		replicas.add(num(i), num(c.Ballot), fmt.Sprintf("%d/%d", c.Members(), c.MaxReplicaCount),
			primary, "["+strings.Join(secondaries, ",")+"]")
	}
	nodes := grid{titles: []string{"node", "primary", "secondary", "total"}}
	var sum count
	for _, n := range core.NodeLoads() {
		if c := counts[n.Addr]; c != nil {
			nodes.add(core.HostPort(n.Addr).String(), num(c.primary), num(c.secondary), num(c.primary+c.secondary))
			sum.primary += c.primary
			sum.secondary += c.secondary
		}
	}
	nodes.add("total", num(sum.primary), num(sum.secondary), num(sum.primary+sum.secondary))
	cells = named(named(cells, "replicas", replicas), "nodes", nodes)
	return append(cells, member("healthy", object(
		row("fully_healthy_partition_count", num(health.full)), row("unhealthy_partition_count", num(health.ill())),
		row("write_unhealthy_partition_count", num(health.writeIll)), row("read_unhealthy_partition_count", num(health.readIll)),
	)))
}

// tableHealth counts partitions as this page and the shell do: two members are enough to write.
type tableHealth struct{ all, full, writeIll, readIll int }

func (h *tableHealth) add(c *cluster.Config) {
	h.all++
	if c.Primary.IsValid() {
		if c.Members() >= int(c.MaxReplicaCount) {
			h.full++
		} else if c.Members() < 2 {
			h.writeIll++
		}
		return
	}
	h.writeIll++
	h.readIll++
}

func (h *tableHealth) ill() int { return h.all - h.full }

func (s *Server) pageApps(q url.Values, _ *http.Request) (int, string) {
	if !only(q, "detail") {
		return http.StatusBadRequest, ""
	}
	return s.read(func(core *cluster.State) (int, string) {
		apps := core.ListApps(&metaadmin.ConfigurationListAppsRequest{Status: layer2.AppStatus_AS_AVAILABLE}).Infos
		general := grid{titles: []string{"app_id", "status", "app_name", "app_type", "partition_count", "replica_count",
			"is_stateful", "create_time", "drop_time", "drop_expire", "envs_count"}}
		for _, a := range apps {
			general.add(num(a.AppID), strings.TrimPrefix(a.Status.String(), "AS_"), a.AppName, a.AppType, num(a.PartitionCount),
				num(a.MaxReplicaCount), strconv.FormatBool(a.IsStateful), timeText(a.CreateSecond), "-", "-", num(len(a.Envs)))
		}
		cells := named(nil, "general_info", general)
		if !q.Has("detail") {
			cells = append(cells, member("summary", object(row("total_app_count", num(len(apps))))))
			return http.StatusOK, object(cells...) + "\n"
		}
		return http.StatusOK, object(appsDetail(core, cells, apps)...) + "\n"
	})
}

func appsDetail(core *cluster.State, cells []cell, apps []*layer2.AppInfo) []cell {
	g := grid{titles: []string{"app_id", "app_name", "partition_count", "fully_healthy", "unhealthy", "write_unhealthy", "read_unhealthy"}}
	full, ill, writeIll, readIll := 0, 0, 0, 0
	for _, a := range apps {
		var h tableHealth
		for _, c := range core.Configs(a.AppID) {
			h.add(&c)
		}
		g.add(num(a.AppID), a.AppName, num(a.PartitionCount), num(h.full), num(h.ill()), num(h.writeIll), num(h.readIll))
		if h.ill() == 0 {
			full++
		} else {
			ill++
		}
		if h.writeIll > 0 {
			writeIll++
		}
		if h.readIll > 0 {
			readIll++
		}
	}
	return append(named(cells, "healthy_info", g), member("summary", object(
		row("total_app_count", num(len(apps))), row("fully_healthy_app_count", num(full)), row("unhealthy_app_count", num(ill)),
		row("write_unhealthy_app_count", num(writeIll)), row("read_unhealthy_app_count", num(readIll)),
	)))
}

// timeText is a moment in local time, "-" for none.
func timeText(second int64) string {
	if second <= 0 {
		return "-"
	}
	return time.Unix(second, 0).Format("2006-01-02 15:04:05.000")
}

func (s *Server) pageQueryBulkLoad(q url.Values, _ *http.Request) (int, string) {
	name := q.Get("name")
	if name == "" {
		return http.StatusBadRequest, "name should not be empty"
	}
	t := s.leadingTerm()
	if t == nil {
		return http.StatusServiceUnavailable, notLeading
	}
	var err, status string
	t.do(func(now int64) {
		resp := queryBulkLoad(&call{t: t, now: now}, name)
		err, status = resp.Err.Val().Name, "replication::bulk_load_status::"+resp.AppStatus.String()
	})
	return http.StatusOK, object(row("error", err), row("app_status", status)) + "\n"
}
