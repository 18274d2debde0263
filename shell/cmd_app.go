package shell

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

// cmdApp shows one table, with -d its partitions and where they are.
func cmdApp(s *session, p *parsed) error {
	name := p.arg(0)
	if name == "" {
		fmt.Fprintln(s.out, "ERROR: null app name")
		return errTold
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	cfg, err := s.admin().QueryConfig(ctx, name)
	if err != nil {
		fmt.Fprintf(s.out, "query app %s failed, error=%s\n", name, codeName(err))
		return errTold
	}
	slices.SortFunc(cfg.Partitions, func(a, b *layer2.PartitionConfiguration) int {
		return cmp.Compare(pidxOf(a), pidxOf(b))
	})
	params := pairTable("parameters")
	params.add("app_name", name)
	if out := p.str("output", ""); out != "" {
		params.add("out_file", out)
	}
	params.add("detailed", fmt.Sprint(p.has("detailed")))
	tables := []*table{params, appGeneral(name, cfg)}
	if p.has("detailed") {
		tables = append(tables, s.appDetails(cfg, p.has("resolve_ip"))...)
	}
	return s.output(p, func(w io.Writer) error { return printTables(w, tables, p.has("json")) })
}

func pidxOf(c *layer2.PartitionConfiguration) int32 { return c.Pid.PartitionIndex }

func appGeneral(name string, cfg *layer2.QueryCfgResponse) *table {
	replicas := int32(0)
	if len(cfg.Partitions) > 0 {
		replicas = cfg.Partitions[0].MaxReplicaCount
	}
	t := pairTable("general")
	t.add("app_name", name)
	t.add("app_id", itoa(cfg.AppID))
	t.add("partition_count", itoa(cfg.PartitionCount))
	t.add("max_replica_count", itoa(replicas))
	return t
}

// share counts what one server has of a table.
type share struct {
	name               string
	primary, secondary int
}

func (s *session) appDetails(cfg *layer2.QueryCfgResponse, resolve bool) []*table {
	shown := func(name string) string { return name }
	if resolve {
		known := map[string]string{"-": "-"}
		shown = func(name string) string {
			if _, ok := known[name]; !ok {
				known[name] = otherName(s.ctx, name)
			}
			return known[name]
		}
	}
	replicas := columnTable("replicas", "pidx", "ballot", "replica_count", "primary", "secondaries")
	shares := map[base.RPCAddress]*share{}
	at := func(a base.RPCAddress, name string) *share {
		if shares[a] == nil {
			shares[a] = &share{name: shown(name)}
		}
		return shares[a]
	}
	for _, c := range cfg.Partitions {
		primary, secondaries := primaryText(c), secondaryTexts(c)
		if c.GetPrimary().Val().IsValid() {
			at(c.Primary.Val(), primary).primary++
		}
		for i, a := range c.Secondaries {
			at(a.Val(), secondaries[i]).secondary++
			secondaries[i] = shown(secondaries[i])
		}
		replicas.add(itoa(pidxOf(c)), itoa(c.Ballot), fmt.Sprintf("%d/%d", client.LiveReplicas(c), c.MaxReplicaCount),
			shown(primary), "["+strings.Join(secondaries, ",")+"]")
	}
	return []*table{replicas, sharesTable(shares), healthTable(client.HealthOf(cfg))}
}

// sharesTable ends in a row of sums without a name.
func sharesTable(shares map[base.RPCAddress]*share) *table {
	t := columnTable("nodes", "node", "primary", "secondary", "total")
	var sum share
	for _, a := range sortedAddresses(shares) {
		sh := shares[a]
		t.add(sh.name, itoa(sh.primary), itoa(sh.secondary), itoa(sh.primary+sh.secondary))
		sum.primary += sh.primary
		sum.secondary += sh.secondary
	}
	t.add("", itoa(sum.primary), itoa(sum.secondary), itoa(sum.primary+sum.secondary))
	return t
}

func sortedAddresses[V any](m map[base.RPCAddress]V) []base.RPCAddress {
	var out []base.RPCAddress
	for a := range m {
		out = append(out, a)
	}
	slices.SortFunc(out, compareAddresses)
	return out
}

func compareAddresses(a, b base.RPCAddress) int {
	return cmp.Or(cmp.Compare(a.IP(), b.IP()), cmp.Compare(a.Port(), b.Port()))
}

func healthTable(h client.Health) *table {
	t := pairTable("healthy")
	t.add("fully_healthy_partition_count", itoa(h.FullyHealthy))
	t.add("unhealthy_partition_count", itoa(h.Unhealthy))
	t.add("write_unhealthy_partition_count", itoa(h.WriteUnhealthy))
	t.add("read_unhealthy_partition_count", itoa(h.ReadUnhealthy))
	return t
}
