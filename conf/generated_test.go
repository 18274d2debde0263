package conf

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// golden compares a generated file with the one in the repository, or writes it.
func golden(t *testing.T, path, want string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the code says; run: go test ./conf -run Generated -rewrite", path)
	}
}

const headMeta = `Configuration of a meta server: pegasus server --config conf/meta.toml
Every key is optional; what stands here are the defaults. docs/configuration.md has the whole table.
`

const headReplica = `Configuration of a replica server: pegasus server --config conf/replica.toml
Every key is optional; what stands here are the defaults. docs/configuration.md has the whole table.
`

func TestGeneratedFiles(t *testing.T) {
	for role, head := range map[string]string{RoleMeta: headMeta, RoleReplica: headReplica} {
		var b strings.Builder
		if err := Default(role).Write(&b, WriteOptions{Comments: true, Head: head}); err != nil {
			t.Fatal(err)
		}
		golden(t, role+".toml", b.String())
		c := parse(t, b.String())
		if len(c.Warnings) > 0 {
			t.Errorf("%s.toml: %v", role, c.Warnings)
		}
		same(t, c, Default(role))
	}
	golden(t, filepath.Join("..", "docs", "configuration.md"), document())
}

func same(t *testing.T, a, b *Config) {
	t.Helper()
	for i, e := range a.entries {
		if e.Value() != b.entries[i].Value() {
			t.Errorf("[%s] %s: %q and %q", e.Section, e.Name, e.Value(), b.entries[i].Value())
		}
	}
	if fmt.Sprint(a.DefaultApps, a.Clusters, a.DuplicationGroup) != fmt.Sprint(b.DefaultApps, b.Clusters, b.DuplicationGroup) {
		t.Errorf("%v %v %v\n%v %v %v", a.DefaultApps, a.Clusters, a.DuplicationGroup, b.DefaultApps, b.Clusters, b.DuplicationGroup)
	}
}

func TestWrittenFilesReadBack(t *testing.T) {
	c := Default(RoleMeta)
	c.AppsReplica.Run = true
	c.AppsReplica.Ports = 40001
	c.Replication.ClusterName = "a \"quoted\\ name\"\t"
	c.Replication.DataDirs = List{"d1:/x y", "d2:/z"}
	c.MetaServer.ServerList = List{"h:1", "i:2"}
	c.DefaultApps = []DefaultApp{{"t", appType, 3, 1, true, map[string]string{"k": "v", "a": "b"}}}
	c.Clusters["o.ther"] = List{"h:3"}
	c.DuplicationGroup["onebox"] = 7
	if err := c.Set("config_sync_interval_ms", "77"); err != nil {
		t.Fatal(err)
	}
	for _, o := range []WriteOptions{{}, {ChangedOnly: true}, {Comments: true}} {
		var b strings.Builder
		if err := c.Write(&b, o); err != nil {
			t.Fatal(err)
		}
		same(t, parse(t, b.String()), c)
		if lines := strings.Count(b.String(), "\n"); o.ChangedOnly && lines > 40 {
			t.Errorf("%d lines for a few changes:\n%s", lines, b.String())
		}
	}
	c.DefaultApps = nil
	var b strings.Builder
	if err := c.Write(&b, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	same(t, parse(t, b.String()), c)
}

// document is docs/configuration.md.
func document() string {
	c := Default("")
	var b strings.Builder
	b.WriteString(documentHead)
	section := ""
	for _, e := range c.entries {
		if e.Section != section {
			section = e.Section
			fmt.Fprintf(&b, "\n## [%s]\n\n| key | type | default | | meaning |\n|---|---|---|---|---|\n", section)
		}
		def := e.Default
		if e.Name == "ports" {
			def = e.Value()
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", e.Name, typeText(e), code(def), marks(e), strings.ReplaceAll(e.Doc, "|", "\\|"))
	}
	b.WriteString(documentFree)
	b.WriteString("\n## Switches that can only be off\n\nTheir effect is not provided. Turned on, they are an error.\n\n| section | key | why |\n|---|---|---|\n")
	for _, s := range slices.Sorted(maps.Keys(refused)) {
		for _, k := range slices.Sorted(maps.Keys(refused[s])) {
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", s, k, refused[s][k].reason)
		}
	}
	b.WriteString("\n## Keys of upstream's that decide nothing\n\nAccepted with a warning, so that a file can be carried over.\n\n| section | key | why |\n|---|---|---|\n")
	for _, s := range slices.Sorted(maps.Keys(meaningless)) {
		for _, k := range slices.Sorted(maps.Keys(meaningless[s])) {
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", s, k, meaningless[s][k])
		}
	}
	for _, s := range slices.Sorted(maps.Keys(meaninglessSections)) {
		fmt.Fprintf(&b, "| %s, %s.* | all others | %s |\n", s, s, meaninglessSections[s])
	}
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func typeText(e *Entry) string {
	if len(e.enum) > 0 {
		return strings.Join(e.enum, ", ")
	}
	switch e.field.(type) {
	case *List:
		return "list"
	case *string:
		return "string"
	case *bool, *LiveBool:
		return "bool"
	}
	if e.min == e.kind.min && e.max == e.kind.max {
		return "number"
	}
	return strings.TrimPrefix(e.rangeText(), "a ")
}

func marks(e *Entry) string {
	var out []string
	if e.Mutable {
		out = append(out, "M")
	}
	if e.Own {
		out = append(out, "O")
	}
	if e.Pending {
		out = append(out, "P")
	}
	return strings.Join(out, " ")
}

const documentHead = `# Configuration

One TOML file per process: ` + "`pegasus server --config FILE`" + `. The process has the roles whose section, ` + "`[apps.meta]` or `[apps.replica]`" + `,
is there. Sections and keys are Apache Pegasus' own wherever a key still means something, so an old ini file needs little more
than quotes around its strings. ` + "`conf/meta.toml` and `conf/replica.toml`" + ` name the keys that a role reads.

An unknown key is an error that names the line and the nearest known key. A list is an array of strings, or one string with
commas. Numbers have the unit that their name says; sizes without one are bytes.

Marks: **M** can be changed while running (` + "`/updateConfig?key=value`" + `; not saved), **O** our own, **P** accepted but not used yet.

This page is generated from the code: ` + "`go test ./conf -run Generated -rewrite`" + `.
`

const documentFree = `
## [meta_server.apps.NAME]

Tables that are made when a cluster starts for the first time, in the order of the sections: ` + "`app_name`, `partition_count` (1), `max_replica_count` (3), `envs` (`\"key=value,key=value\"`)" + `.
Without any such section: ` + "`stat` with 4 partitions and `temp` with 8" + `. A section with an empty ` + "`app_name`" + ` makes no table.

## [pegasus.clusters], [duplication-group], [block_service.NAME]

` + "`name = [\"host:port\", ...]`" + `: the metas of a known cluster. ` + "`name = id`" + `: its id in duplication, 1 to 127, unique. ` + "`type` and `args`" + `: a place for backups and bulk loads (not used yet).
`
