package conf

// refused are switches of upstream's whose effect nobody provides here. Turning
// one on must not pass silently: data would be thought safer than it is.
var refused = map[string]map[string]struct {
	allowed any // the only value that is accepted
	reason  string
}{
	"security": {
		"enable_auth":               {false, "authentication is not provided"},
		"mandatory_auth":            {false, "authentication is not provided"},
		"enable_acl":                {false, "access control is not provided"},
		"enable_ranger_acl":         {false, "access control is not provided"},
		"enable_zookeeper_kerberos": {false, "authentication to ZooKeeper is not provided"},
	},
	"pegasus.server": {
		"encrypt_data_at_rest": {false, "data is not encrypted"},
	},
	"zookeeper": {
		"sasl_mechanisms_type": {"", "authentication to ZooKeeper is not provided"},
	},
}

// meaninglessSections configure what is not there. Sections below them, like
// [task.RPC_X], are meant too.
var meaninglessSections = map[string]string{
	"task":              "the Go runtime schedules tasks",
	"threadpool":        "the Go runtime schedules tasks",
	"tools":             "logging is set on the command line: --log-level, --log-format, --log-file",
	"components":        "there are no such components",
	"apps":              "the roles are meta and replica",
	"replication.app":   "default tables are the sections [meta_server.apps.<table>]",
	"pegasus.collector": "there is no collector process",
	"ranger":            "access control is not provided",
	"shell":             "the shell has flags for it",
	"ddl_client":        "the shell has flags for it",
	"geo_client.lib":    "it is for the geo client",
}
