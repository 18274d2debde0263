package shell

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/client/clienttest"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

// bench is a session on an in-process cluster. Its three replica servers, in port order, are shown
// as localhost:34801 to 34803 and its meta as localhost:34601: as long as the real addresses, so
// that padding is the same.
type bench struct {
	t     *testing.T
	fake  *clienttest.Cluster
	s     *session
	out   bytes.Buffer
	nodes []base.RPCAddress
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, fake: clienttest.New(t, 1, 3)}
	for i := range 3 {
		b.nodes = append(b.nodes, b.fake.Replica(i))
	}
	slices.SortFunc(b.nodes, compareAddresses)
	b.fake.ClusterInfo = []string{"meta_servers", b.fake.Metas()[0], "cluster_name", "onebox"}
	s, err := newSession(t.Context(), Options{Metas: b.fake.Metas(), Out: &b.out, Err: &b.out, In: strings.NewReader("")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	b.s = s
	return b
}

// table creates a table whose partition i has its members on the given servers (1 to 3), the
// primary first.
func (b *bench) table(name string, members ...string) {
	b.fake.AddTable(name, len(members))
	for i, list := range members {
		b.fake.SetConfig(name, i, func(c *layer2.PartitionConfiguration) {
			c.MaxReplicaCount, c.Primary, c.Secondaries = 3, base.NewRPCAddress(), nil
			for j, digit := range list {
				switch {
				case digit == '-':
				case j == 0:
					c.Primary = b.nodes[digit-'1'].Ptr()
				default:
					c.Secondaries = append(c.Secondaries, b.nodes[digit-'1'].Ptr())
				}
			}
		})
	}
}

// run executes one line and returns what it printed.
func (b *bench) run(line string) string {
	b.out.Reset()
	b.s.execute(line)
	return b.shown(b.out.String())
}

var anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\d[_ ]\d\d:\d\d:\d\d`)

// shown replaces what differs from run to run.
func (b *bench) shown(text string) string {
	for i, a := range b.nodes {
		text = strings.ReplaceAll(text, a.String(), fmt.Sprintf("localhost:3480%d", i+1))
	}
	text = strings.ReplaceAll(text, b.fake.Metas()[0], "127.0.0.1:34601")
	return anyTime.ReplaceAllString(text, "2026-11-22_13:12:26")
}
