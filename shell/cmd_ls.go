package shell

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/utils"
)

var appStatuses = map[string]layer2.AppStatus{
	"all":       layer2.AppStatus_AS_INVALID,
	"available": layer2.AppStatus_AS_AVAILABLE,
	"creating":  layer2.AppStatus_AS_CREATING,
	"dropping":  layer2.AppStatus_AS_DROPPING,
	"dropped":   layer2.AppStatus_AS_DROPPED,
}

var matchTypes = map[string]utils.PatternMatchType{
	"all":      utils.PatternMatchType_PMT_MATCH_ALL,
	"exact":    utils.PatternMatchType_PMT_MATCH_EXACT,
	"anywhere": utils.PatternMatchType_PMT_MATCH_ANYWHERE,
	"prefix":   utils.PatternMatchType_PMT_MATCH_PREFIX,
	"postfix":  utils.PatternMatchType_PMT_MATCH_POSTFIX,
}

// cmdLs lists the tables.
func cmdLs(s *session, p *parsed) error {
	status, ok := appStatuses[p.str("status", "available")]
	if !ok {
		return fmt.Errorf("parse %s as app_status failed", p.str("status", ""))
	}
	if p.has("all") {
		status = layer2.AppStatus_AS_INVALID
	}
	match, ok := matchTypes[p.str("match_type", "anywhere")]
	if !ok {
		return fmt.Errorf("invalid match_type %s", p.str("match_type", ""))
	}
	apps, err := s.listApps(status, p.str("app_name_pattern", ""), match)
	if err != nil {
		fmt.Fprintf(s.out, "list apps failed, error=%s\n", codeName(err))
		return errTold
	}
	tables, err := s.lsTables(apps, p.has("detailed"))
	if err != nil {
		fmt.Fprintf(s.out, "list apps failed, error=%s\n", codeName(err))
		return errTold
	}
	return s.output(p, func(w io.Writer) error { return printTables(w, tables, p.has("json")) })
}

// listApps asks the meta and sorts by id.
func (s *session) listApps(status layer2.AppStatus, pattern string, match utils.PatternMatchType) ([]*layer2.AppInfo, error) {
	ctx, cancel := s.adminCtx()
	defer cancel()
	apps, err := s.admin().ListApps(ctx, status, pattern, match)
	// Metas up to 2.5 know no pattern and send every table.
	apps = slices.DeleteFunc(apps, func(a *layer2.AppInfo) bool {
		return pattern != "" && !nameMatches(a.AppName, pattern, match)
	})
	slices.SortFunc(apps, func(a, b *layer2.AppInfo) int { return cmp.Compare(a.AppID, b.AppID) })
	return apps, err
}

func nameMatches(name, pattern string, match utils.PatternMatchType) bool {
	switch match {
	case utils.PatternMatchType_PMT_MATCH_EXACT:
		return name == pattern
	case utils.PatternMatchType_PMT_MATCH_ANYWHERE:
		return strings.Contains(name, pattern)
	case utils.PatternMatchType_PMT_MATCH_PREFIX:
		return strings.HasPrefix(name, pattern)
	case utils.PatternMatchType_PMT_MATCH_POSTFIX:
		return strings.HasSuffix(name, pattern)
	}
	return true
}

func (s *session) lsTables(apps []*layer2.AppInfo, detailed bool) ([]*table, error) {
	general := columnTable("general_info", "app_id", "status", "app_name", "app_type", "partition_count",
		"replica_count", "is_stateful", "create_time", "drop_time", "drop_expire", "envs_count", "atomic_idempotent")
	available := 0
	for _, a := range apps {
		addGeneral(general, a)
		if a.Status == layer2.AppStatus_AS_AVAILABLE {
			available++
		}
	}
	tables := []*table{general}
	summary := pairTable("summary")
	summary.add("total_app_count", itoa(available))
	if detailed && available > 0 {
		healthy, err := s.healthyTable(apps, summary)
		if err != nil {
			return nil, err
		}
		tables = append(tables, healthy)
	}
	return append(tables, summary), nil
}

func addGeneral(t *table, a *layer2.AppInfo) {
	dropTime, dropExpire := "-", "-"
	if a.Status != layer2.AppStatus_AS_AVAILABLE {
		dropTime, dropExpire = timeText(a.DropSecond), timeText(a.ExpireSecond)
	}
	t.add(itoa(a.AppID), strings.TrimPrefix(a.Status.String(), "AS_"), a.AppName, a.AppType,
		itoa(a.PartitionCount), itoa(a.MaxReplicaCount), fmt.Sprint(a.IsStateful), timeText(a.CreateSecond),
		dropTime, dropExpire, itoa(len(a.Envs)), fmt.Sprint(a.AtomicIdempotent))
}

// timeText has no blank in it, so that awk's columns hold; "-" is never.
func timeText(seconds int64) string {
	if seconds <= 0 {
		return "-"
	}
	return time.Unix(seconds, 0).Format("2006-01-02_15:04:05")
}

// healthyTable judges every available table and adds the sums to the summary.
func (s *session) healthyTable(apps []*layer2.AppInfo, summary *table) (*table, error) {
	t := columnTable("healthy_info", "app_id", "app_name", "partition_count", "fully_healthy", "unhealthy",
		"write_unhealthy", "read_unhealthy")
	var fully, unhealthy, unwritable, unreadable int
	for _, a := range apps {
		if a.Status != layer2.AppStatus_AS_AVAILABLE {
			continue
		}
		cfg, err := s.config(a.AppName)
		if err != nil {
			return nil, err
		}
		if cfg == nil {
			continue
		}
		h := client.HealthOf(cfg)
		t.add(itoa(a.AppID), a.AppName, itoa(h.Partitions), itoa(h.FullyHealthy), itoa(h.Unhealthy),
			itoa(h.WriteUnhealthy), itoa(h.ReadUnhealthy))
		fully += count(h.Unhealthy == 0)
		unhealthy += count(h.Unhealthy > 0)
		unwritable += count(h.WriteUnhealthy > 0)
		unreadable += count(h.ReadUnhealthy > 0)
	}
	summary.add("fully_healthy_app_count", itoa(fully))
	summary.add("unhealthy_app_count", itoa(unhealthy))
	summary.add("write_unhealthy_app_count", itoa(unwritable))
	summary.add("read_unhealthy_app_count", itoa(unreadable))
	return t, nil
}

// config fetches a listed table's configuration; nil without an error when it was dropped since.
func (s *session) config(name string) (*layer2.QueryCfgResponse, error) {
	ctx, cancel := s.adminCtx()
	defer cancel()
	cfg, err := s.admin().QueryConfig(ctx, name)
	switch client.CodeOf(err) {
	case base.ErrOK:
		return cfg, nil
	case base.ErrObjectNotFound, base.ErrBusyDropping:
		return nil, nil
	}
	return nil, err
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
