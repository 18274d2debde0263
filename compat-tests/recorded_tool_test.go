package compattests

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/compat-tests/cluster"
)

// portMap lets the replay tool, which knows the usual ports only, find a onebox on others.
const portMap = `
import sys
sys.path.insert(0, sys.argv[1])
import thft, replay_vectors
ports = dict(zip((34601, 34602, 34603), map(int, sys.argv[2].split(","))))
connect = thft.Conn.__init__
thft.Conn.__init__ = lambda self, addr, timeout=5: connect(self, (addr[0], ports.get(addr[1], addr[1])), timeout)
sys.exit(0 if replay_vectors.main(("127.0.0.1", 34601)) else 1)
`

// TestRecordedTool runs the replay tool that came with the recording: a second reading of the protocol, in another language.
func TestRecordedTool(t *testing.T) {
	tools := filepath.Dir(sharedDir(t, "tools", "replay_vectors.py"))
	install(t, "python")
	c := cluster.Start(t, cluster.Options{InProcess: true})
	var ports []string
	for _, m := range c.Metas {
		ports = append(ports, m[strings.LastIndex(m, ":")+1:])
	}
	out, err := command(programTimeout, "", nil, "python3", "-c", portMap, tools, strings.Join(ports, ","))
	agree, of := 0, -1
	for _, line := range strings.Split(out, "\n") {
		_, _ = fmt.Sscanf(line, "recorded answers: %d of %d agree", &agree, &of)
	}
	if err != nil || agree != of || strings.Contains(out, "DIFF") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(strings.TrimSpace(out))
}
