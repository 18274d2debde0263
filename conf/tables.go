package conf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// appType is the only kind of table there is.
const appType = "pegasus"

// partitionCountMax bounds a default table.
const partitionCountMax = 1 << 16

// Sections whose keys or names are free.
const (
	sectionTables   = "meta_server.apps"
	sectionClusters = "pegasus.clusters"
	sectionGroup    = "duplication-group"
	sectionBlock    = "block_service"
)

type tableSection struct {
	section string
	line    int
	app     DefaultApp
}

// special handles the sections with free keys or names, and the presence of a
// role's section. It reports whether the table needs no further handling.
func (l *loader) special(section string, table map[string]any) bool {
	above, name := "", section
	if i := strings.LastIndexByte(section, '.'); i >= 0 {
		above, name = section[:i], section[i+1:]
	}
	switch {
	case section == "apps.meta":
		l.c.AppsMeta.Run = true
	case section == "apps.replica":
		l.c.AppsReplica.Run = true
	case section == sectionClusters:
		for _, key := range slices.Sorted(maps.Keys(table)) {
			l.cluster(key, table[key])
		}
		return true
	case section == sectionGroup:
		for _, key := range slices.Sorted(maps.Keys(table)) {
			l.groupID(key, table[key])
		}
		return true
	case above == sectionTables:
		l.table(section, table)
		return true
	case above == sectionBlock:
		l.blockService(section, name, table)
		return true
	}
	return false
}

func (l *loader) cluster(key string, value any) {
	list, err := anyList(value)
	if err == nil {
		err = checkHostPorts(list)
	}
	if err != nil {
		l.fail(sectionClusters, key, value, "%v", err)
		return
	}
	l.c.Clusters[key] = list
}

func (l *loader) groupID(key string, value any) {
	id, ok := value.(int64)
	if !ok || id < 1 || id > 127 {
		l.fail(sectionGroup, key, value, "want an id from 1 to 127")
		return
	}
	l.c.DuplicationGroup[key] = uint8(id)
}

func (l *loader) blockService(section, name string, table map[string]any) {
	var b BlockService
	for _, key := range slices.Sorted(maps.Keys(table)) {
		s, ok := table[key].(string)
		switch {
		case !ok:
			l.fail(section, key, table[key], "want a string in quotes")
		case key == "type":
			b.Type = s
		case key == "args":
			b.Args = s
		default:
			l.fail(section, key, nil, "unknown key; a block service has type and args")
		}
	}
	l.warn(section, "type", "this version does not use it yet")
	l.c.BlockServices[name] = b
}

// table reads [meta_server.apps.<any>].
func (l *loader) table(section string, table map[string]any) {
	a := DefaultApp{AppType: appType, PartitionCount: 1, MaxReplicaCount: 3, Stateful: true}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if err := a.set(key, table[key]); err != nil {
			value := table[key]
			if err == errUnknownKey {
				value = nil
			}
			l.fail(section, key, value, "%v", err)
		}
	}
	l.tables = append(l.tables, tableSection{section, l.lines.section(section), a})
}

var tableKeys = []string{"app_name", "app_type", "partition_count", "max_replica_count", "stateful", "envs"}

var errUnknownKey = fmt.Errorf("unknown key; a table has %s", strings.Join(tableKeys, ", "))

func (a *DefaultApp) set(key string, value any) error {
	text, isText := value.(string)
	number, isNumber := value.(int64)
	wantText := fmt.Errorf("want a string in quotes")
	switch key {
	case "app_name":
		if a.AppName = text; !isText {
			return wantText
		}
	case "app_type":
		if text != appType {
			return fmt.Errorf("want %q, there are no other tables", appType)
		}
	case "partition_count":
		if !isNumber || number < 1 || number > partitionCountMax {
			return fmt.Errorf("want a number from 1 to %d", partitionCountMax)
		}
		a.PartitionCount = int32(number)
	case "max_replica_count":
		if !isNumber || number < 1 || number > 127 {
			return fmt.Errorf("want a number from 1 to 127")
		}
		a.MaxReplicaCount = int32(number)
	case "stateful":
		if value != true {
			return fmt.Errorf("want true, there are no other tables")
		}
	case "envs":
		if !isText {
			return wantText
		}
		envs, err := parseEnvs(text)
		a.Envs = envs
		return err
	default:
		return errUnknownKey
	}
	return nil
}

// parseEnvs reads "k=v,k=v".
func parseEnvs(text string) (map[string]string, error) {
	envs := map[string]string{}
	for _, item := range parseList(text) {
		k, v, ok := strings.Cut(item, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if _, twice := envs[k]; !ok || k == "" || twice {
			return nil, fmt.Errorf("want \"key=value,key=value\"")
		}
		envs[k] = v
	}
	return envs, nil
}

// setTables: tables in the file replace the default ones. Their ids follow the
// order of their sections; a section without a name is skipped.
func (l *loader) setTables() {
	if len(l.tables) == 0 {
		return
	}
	slices.SortStableFunc(l.tables, func(a, b tableSection) int {
		return cmp.Or(cmp.Compare(a.line, b.line), strings.Compare(a.section, b.section))
	})
	l.c.DefaultApps = nil
	for _, t := range l.tables {
		if t.app.AppName != "" {
			l.c.DefaultApps = append(l.c.DefaultApps, t.app)
		}
	}
}
