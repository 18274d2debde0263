package shell

import "strings"

// command of the shell. usage lists the arguments as the help shows them; opts are those of them
// that are options. Fewer or more positional arguments than min and max (-1: any) are refused.
type command struct {
	name     string
	usage    string
	opts     []option
	min, max int
	run      func(*session, *parsed) error
}

// Options that many commands have.
var (
	optJSON     = option{'j', "json", false}
	optOutput   = option{'o', "output", true}
	optResolve  = option{'r', "resolve_ip", false}
	optDetailed = option{'d', "detailed", false}
	optSample   = option{'i', "sample_interval_ms", true}
	optNodeType = option{'t', "node_type", true}
	optNodes    = option{'l', "node_list", true}
	optCheckKey = option{'c', "check_sort_key", true}
	optCheck    = option{'t', "check_type", true}
	optOperand  = option{'o', "check_operand", true}
	optReturn   = option{'r', "return_check_value", false}
)

// Options of the commands that walk rows.
var (
	rangeOpts = []option{
		{'a', "start_inclusive", true}, {'b', "stop_inclusive", true},
		{'s', "sort_key_filter_type", true}, {'y', "sort_key_filter_pattern", true},
	}
	tableScanOpts = []option{
		{'p', "partition", true},
		{'h', "hash_key_filter_type", true}, {'x', "hash_key_filter_pattern", true},
		{'s', "sort_key_filter_type", true}, {'y', "sort_key_filter_pattern", true},
	}
	valueFilterOpts = []option{{'v', "value_filter_type", true}, {'z', "value_filter_pattern", true}}
	scanPrintOpts   = []option{
		optOutput, {'n', "max_count", true}, {'t', "timeout_ms", true}, optDetailed, {'i', "no_value", false},
	}
)

// Usage fragments that many commands share.
const (
	useRange = "[-a|--start_inclusive true|false] [-b|--stop_inclusive true|false] " +
		"[-s|--sort_key_filter_type anywhere|prefix|postfix] [-y|--sort_key_filter_pattern str]"
	useHashFilter  = "[-h|--hash_key_filter_type anywhere|prefix|postfix] [-x|--hash_key_filter_pattern str]"
	useSortFilter  = "[-s|--sort_key_filter_type anywhere|prefix|postfix|exact] [-y|--sort_key_filter_pattern str]"
	useValueFilter = "[-v|--value_filter_type anywhere|prefix|postfix|exact] [-z|--value_filter_pattern str]"
	useScanPrint   = "[-o|--output file_name] [-n|--max_count num] [-t|--timeout_ms num] [-d|--detailed] [-i|--no_value]"
	useChecks      = "[-c|--check_sort_key str] [-t|--check_type not_exist|not_exist_or_empty|exist|not_empty] " +
		"[match_anywhere|match_prefix|match_postfix] " +
		"[bytes_less|bytes_less_or_equal|bytes_equal|bytes_greater_or_equal|bytes_greater] " +
		"[int_less|int_less_or_equal|int_equal|int_greater_or_equal|int_greater] [-o|--check_operand str]"
	useNodes = "[-t all|meta-server|replica-server] [-l host:port,host:port...] [-r|--resolve_ip]"
)

func join(lists ...[]option) []option {
	var out []option
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// catalogue lists the commands in the order of help. A function, because handlers refer to it.
func catalogue() []command {
	return append(append(adminCommands(), dataCommands()...), toolCommands()...)
}

func adminCommands() []command {
	return []command{
		{"help", "", nil, 0, 1, cmdHelp},
		{"version", "", nil, 0, 0, cmdVersion},
		{"cluster_info", "[-r|--resolve_ip] [-o|--output file_name] [-j|--json]",
			[]option{optResolve, optOutput, optJSON}, 0, 0, cmdClusterInfo},
		{"app", "<app_name> [-d|--detailed] [-r|--resolve_ip] [-o|--output file_name] [-j|--json]",
			[]option{optDetailed, optResolve, optOutput, optJSON}, 0, 1, cmdApp},
		{"ls", "[-a|--all] [-d|--detailed] [-j|--json] [-o|--output file_name] " +
			"[-s|--status all|available|creating|dropping|dropped] [-p|--app_name_pattern str] " +
			"[-m|--match_type all|exact|anywhere|prefix|postfix]",
			[]option{{'a', "all", false}, optDetailed, optJSON, optOutput, {'s', "status", true},
				{'p', "app_name_pattern", true}, {'m', "match_type", true}}, 0, 0, cmdLs},
		{"nodes", "[-d|--detailed] [-j|--json] [-r|--resolve_ip] [-u|--resource_usage] [-o|--output file_name] " +
			"[-s|--status all|alive|unalive] [-q|--qps] [-i|--sample_interval_ms num]",
			[]option{optDetailed, optJSON, optResolve, {'u', "resource_usage", false}, optOutput,
				{'s', "status", true}, {'q', "qps", false}, optSample}, 0, 0, cmdNodes},
		{"create", "<app_name> [-p|--partition_count num] [-r|--replica_count num] [-f|--fail_if_exist] " +
			"[-i|--atomic_idempotent] [-e|--envs k1=v1,k2=v2...]",
			[]option{{'p', "partition_count", true}, {'r', "replica_count", true}, {'f', "fail_if_exist", false},
				{'i', "atomic_idempotent", false}, {'e', "envs", true}}, 1, 1, cmdCreate},
		{"drop", "<app_name> [-r|--reserve_seconds num]", []option{{'r', "reserve_seconds", true}}, 1, 1, cmdDrop},
		{"recall", "<app_id> [new_app_name]", nil, 1, 2, cmdRecall},
		{"rename", "<old_app_name> <new_app_name>", nil, 2, 2, cmdRename},
		{"wait_healthy", "<app_name> [-w|--wait_seconds num]", []option{{'w', "wait_seconds", true}}, 1, 1, cmdWaitHealthy},
		{"set_meta_level", "<stopped|blind|freezed|steady|lively>", nil, 1, 1, cmdSetMetaLevel},
		{"get_meta_level", "", nil, 0, 0, cmdGetMetaLevel},
		{"balance", "<-g|--gpid appid.pidx> <-p|--type move_pri|copy_pri|copy_sec> " +
			"<-f|--from from_address> <-t|--to to_address>",
			[]option{{'g', "gpid", true}, {'p', "type", true}, {'f', "from", true}, {'t', "to", true}}, 0, 0, cmdBalance},
		{"propose", "[-f|--force] <-g|--gpid appid.pidx> " +
			"<-p|--type ASSIGN_PRIMARY|ADD_SECONDARY|DOWNGRADE_TO_INACTIVE...> " +
			"<-t|--target node_that_acts> <-n|--node node_concerned>",
			[]option{{'f', "force", false}, {'g', "gpid", true}, {'p', "type", true}, {'t', "target", true},
				{'n', "node", true}}, 0, 0, cmdPropose},
	}
}

func dataCommands() []command {
	return []command{
		{"use", "[app_name]", nil, 0, 1, cmdUse},
		{"cc", "[cluster_name]", nil, 0, 1, cmdCC},
		{"escape_all", "[true|false]", nil, 0, 1, cmdEscapeAll},
		{"timeout", "[time_in_ms]", nil, 0, 1, cmdTimeout},
		{"hash", "<hash_key> <sort_key>", nil, 2, 2, cmdHash},
		{"set", "<hash_key> <sort_key> <value> [ttl_in_seconds]", nil, 3, 4, cmdSet},
		{"multi_set", "<hash_key> <sort_key> <value> [sort_key value...]", nil, 3, -1, cmdMultiSet},
		{"get", "<hash_key> <sort_key>", nil, 2, 2, cmdGet},
		{"multi_get", "<hash_key> [sort_key...]", nil, 1, -1, cmdMultiGet},
		{"multi_get_range", "<hash_key> <start_sort_key> <stop_sort_key> " + useRange +
			" [-n|--max_count num] [-i|--no_value] [-r|--reverse]",
			join(rangeOpts, []option{{'n', "max_count", true}, {'i', "no_value", false}, {'r', "reverse", false}}),
			3, 3, cmdMultiGetRange},
		{"multi_get_sortkeys", "<hash_key>", nil, 1, 1, cmdMultiGetSortKeys},
		{"del", "<hash_key> <sort_key>", nil, 2, 2, cmdDel},
		{"multi_del", "<hash_key> <sort_key> [sort_key...]", nil, 2, -1, cmdMultiDel},
		{"multi_del_range", "<hash_key> <start_sort_key> <stop_sort_key> " + useRange +
			" [-o|--output file_name] [-i|--silent]",
			join(rangeOpts, []option{optOutput, {'i', "silent", false}}), 3, 3, cmdMultiDelRange},
		{"incr", "<hash_key> <sort_key> [increment]", nil, 2, 3, cmdIncr},
		{"check_and_set", "<hash_key> " + useChecks + " [-s|--set_sort_key str] [-v|--set_value str] " +
			"[-l|--set_value_ttl_seconds num] [-r|--return_check_value]",
			[]option{optCheckKey, optCheck, optOperand, {'s', "set_sort_key", true}, {'v', "set_value", true},
				{'l', "set_value_ttl_seconds", true}, optReturn}, 1, 1, cmdCheckAndSet},
		{"check_and_mutate", "<hash_key> " + useChecks + " [-r|--return_check_value]",
			[]option{optCheckKey, optCheck, optOperand, optReturn}, 1, 1, cmdCheckAndMutate},
		{"exist", "<hash_key> <sort_key>", nil, 2, 2, cmdExist},
		{"count", "<hash_key>", nil, 1, 1, cmdCount},
		{"ttl", "<hash_key> <sort_key>", nil, 2, 2, cmdTTL},
		{"hash_scan", "<hash_key> <start_sort_key> <stop_sort_key> " + useRange + " " + useValueFilter + " " + useScanPrint,
			join(rangeOpts, valueFilterOpts, scanPrintOpts), 3, 3, cmdHashScan},
		{"full_scan", useHashFilter + " " + useSortFilter + " " + useValueFilter + " " + useScanPrint + " [-p|--partition num]",
			join(tableScanOpts, valueFilterOpts, scanPrintOpts), 0, 0, cmdFullScan},
		{"count_data", "[-c|--precise] [-p|--partition num] [-t|--timeout_ms num] " + useHashFilter + " " + useSortFilter +
			" " + useValueFilter + " [-d|--diff_hash_key]",
			join(tableScanOpts, valueFilterOpts, []option{{'c', "precise", false}, {'t', "timeout_ms", true},
				{'b', "max_batch_count", true}, {'d', "diff_hash_key", false}}), 0, 0, cmdCountData},
	}
}

func toolCommands() []command {
	return []command{
		{"remote_command", "[-t all|meta-server|replica-server] [-r|--resolve_ip] [-l host:port,host:port...] " +
			"[--legacy] <command> [arguments...]",
			[]option{optNodeType, optResolve, optNodes, optSample, {0, "legacy", false}}, 1, -1, cmdRemoteCommand},
		{"server_info", useNodes, []option{optNodeType, optNodes, optResolve}, 0, 0, cmdServerInfo},
		{"flush_log", useNodes, []option{optNodeType, optNodes, optResolve}, 0, 0, cmdFlushLog},
		{"rdb_key_str2hex", "<hash_key> <sort_key>", nil, 2, 2, cmdKeyToHex},
		{"rdb_key_hex2str", "<rdb_key_in_hex>", nil, 1, 1, cmdHexToKey},
		{"rdb_value_hex2str", "<value_in_hex>", nil, 1, 1, cmdHexToValue},
		{"get_app_envs", "[-j|--json]", []option{optJSON}, 0, 0, cmdGetEnvs},
		{"set_app_envs", "<key> <value> [key value...]", nil, 2, -1, cmdSetEnvs},
		{"del_app_envs", "<key> [key...]", nil, 1, -1, cmdDelEnvs},
		{"clear_app_envs", "[-a|--all] [-p|--prefix str]",
			[]option{{'a', "all", false}, {'p', "prefix", true}}, 0, 0, cmdClearEnvs},
		{"get_replica_count", "<app_name> [-j|--json]", []option{optJSON}, 1, 1, cmdGetReplicaCount},
		{"set_replica_count", "<app_name> <replica_count>", nil, 2, 2, cmdSetReplicaCount},
		{"get_atomic_idempotent", "<app_name> [-j|--json]", []option{optJSON}, 1, 1, cmdGetAtomicIdempotent},
		{"enable_atomic_idempotent", "<app_name>", nil, 1, 1, cmdEnableAtomicIdempotent},
		{"disable_atomic_idempotent", "<app_name>", nil, 1, 1, cmdDisableAtomicIdempotent},
		{"exit", "", nil, 0, 0, cmdExit},
		{"quit", "", nil, 0, 0, cmdExit},
	}
}

func findCommand(name string) (command, bool) {
	for _, c := range catalogue() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func commandNames() []string {
	var names []string
	for _, c := range catalogue() {
		names = append(names, c.name)
	}
	return names
}

const (
	nameColumn = 27 // of the help: the longest name and two blanks
	usageWidth = 70
)

// usageText is the command's name and arguments, wrapped between arguments.
func (c command) usageText() string {
	var b strings.Builder
	b.WriteString("\t" + c.name + strings.Repeat(" ", max(1, nameColumn-len(c.name))))
	width := 0
	for i, group := range usageGroups(c.usage) {
		switch {
		case i == 0:
		case width+1+len(group) > usageWidth:
			b.WriteString("\n\t" + strings.Repeat(" ", nameColumn))
			width = 0
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(group)
		width += len(group)
	}
	return b.String()
}

// usageGroups splits a usage at the blanks outside of brackets.
func usageGroups(usage string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(usage); i++ {
		switch usage[i] {
		case '[', '<':
			depth++
		case ']', '>':
			depth--
		case ' ':
			if depth == 0 {
				out = append(out, usage[start:i])
				start = i + 1
			}
		}
	}
	return append(out, usage[start:])
}
