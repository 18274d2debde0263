//go:build linux

package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pegasus-go/pegasus/zkmeta/zktest"
)

const (
	ensembleSize = 3
	zkPort       = 2181
	zkPeerPort   = 2888
	zkVotePort   = 3888
	zkMainClass  = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
)

// addEnsemble adds the members of a ZooKeeper ensemble. It needs hosts of its own: the members find each other by address.
func (c *theCluster) addEnsemble(onEnd func(string)) error {
	class, err := zktest.ClassPath()
	if err != nil {
		return err
	}
	var members []string
	var list []*server
	for i := range ensembleSize {
		name := fmt.Sprintf("zookeeper%d", i+1)
		host, err := c.lab.Host(name)
		if err != nil {
			return err
		}
		dir := filepath.Join(c.dir, name)
		list = append(list, &server{name: name, role: roleZooKeeper, host: host, addr: fmt.Sprintf("%s:%d", host.Addr, zkPort), dir: dir, onEnd: onEnd,
			command: []string{"java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true",
				"-Dzookeeper.admin.enableServer=false", "-Dzookeeper.jmx.log4j.disable=true",
				"-Dlog4j.configuration=file:" + filepath.Join(dir, "log4j.properties"), "-cp", class, zkMainClass, filepath.Join(dir, "zoo.cfg")}})
		members = append(members, fmt.Sprintf("server.%d=%s:%d:%d", i+1, host.Addr, zkPeerPort, zkVotePort))
	}
	for i, s := range list {
		data := filepath.Join(s.dir, "data")
		if err := os.MkdirAll(data, 0o755); err != nil {
			return err
		}
		for file, text := range map[string]string{
			filepath.Join(data, "myid"):     fmt.Sprintln(i + 1),
			filepath.Join(s.dir, "zoo.cfg"): fmt.Sprintf("tickTime=500\ninitLimit=20\nsyncLimit=10\ndataDir=%s\nclientPort=%d\nmaxClientCnxns=0\n%s\n", data, zkPort, strings.Join(members, "\n")),
			filepath.Join(s.dir, "log4j.properties"): "log4j.rootLogger=INFO, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n" +
				"log4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n\n",
		} {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	c.servers = append(list, c.servers...)
	return nil
}
