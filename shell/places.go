package shell

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// nodeText prefers the host name that newer metas send along with an address.
func nodeText(hp *base.HostPort, addr *base.RPCAddress) string {
	if hp != nil && hp.Type == base.HostPortNormal {
		return hp.String()
	}
	return addr.Val().String()
}

func infoText(n *metaadmin.NodeInfo) string { return nodeText(n.HpNode, n.Node) }

// primaryText is "-" while a partition has no primary.
func primaryText(c *layer2.PartitionConfiguration) string {
	if !c.GetPrimary().Val().IsValid() {
		return "-"
	}
	return nodeText(c.HpPrimary, c.Primary)
}

func secondaryTexts(c *layer2.PartitionConfiguration) []string {
	var out []string
	for i, a := range c.Secondaries {
		var hp *base.HostPort
		if i < len(c.HpSecondaries) {
			hp = c.HpSecondaries[i]
		}
		out = append(out, nodeText(hp, a))
	}
	return out
}

// resolveTimeout bounds one question to the resolver.
const resolveTimeout = 2 * time.Second

// otherName turns "ip:port" into "host:port" and the other way round, as -r asks; what cannot be
// resolved stays.
func otherName(ctx context.Context, node string) string {
	host, port, err := net.SplitHostPort(node)
	if err != nil {
		return node
	}
	if _, err := strconv.Atoi(port); err != nil {
		return node
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	if net.ParseIP(host) == nil {
		ips, err := net.DefaultResolver.LookupIP(ctx, "ip4", host)
		if err != nil || len(ips) == 0 {
			return node
		}
		return net.JoinHostPort(ips[0].String(), port)
	}
	names, err := net.DefaultResolver.LookupAddr(ctx, host)
	if err != nil || len(names) == 0 {
		return node
	}
	return net.JoinHostPort(strings.TrimSuffix(names[0], "."), port)
}

// otherNames applies otherName to each part of a comma list.
func otherNames(ctx context.Context, list string) string {
	parts := strings.Split(list, ",")
	for i, p := range parts {
		parts[i] = otherName(ctx, p)
	}
	return strings.Join(parts, ",")
}
