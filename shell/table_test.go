package shell

import (
	"strings"
	"testing"
)

func text(t *testing.T, asJSON bool, tables ...*table) string {
	t.Helper()
	var b strings.Builder
	if err := printTables(&b, tables, asJSON); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// dotted makes blanks at line ends visible.
func dotted(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		trimmed := strings.TrimRight(l, " ")
		lines[i] = trimmed + strings.Repeat("·", len(l)-len(trimmed))
	}
	return strings.Join(lines, "\n")
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLeftAlignedColumnsEndInBlanks(t *testing.T) {
	healthy := columnTable("healthy_info", "app_id", "app_name", "read_unhealthy")
	healthy.add("1", "stat", "0")
	healthy.add("2", "a_longer_one", "0")
	same(t, dotted(text(t, false, healthy)), `[healthy_info]
app_id  app_name      read_unhealthy··
1       stat          0···············
2       a_longer_one  0···············

`)
}

func TestRightAlignedColumnsCarryTheirGapInFront(t *testing.T) {
	details := columnTable("details", "address", "status")
	details.right("replica_count", "primary_count", "secondary_count")
	details.add("10.0.0.1:34801", "ALIVE", "12", "4", "8")
	details.add("10.0.0.2:34801", "UNALIVE", "0", "0", "0")
	same(t, dotted(text(t, false, details)), `[details]
address         status     replica_count  primary_count  secondary_count
10.0.0.1:34801  ALIVE                 12              4                8
10.0.0.2:34801  UNALIVE                0              0                0

`)
}

func TestOnlyTheLongestValueOfAListHasNoBlanks(t *testing.T) {
	general := pairTable("general")
	general.add("app_name", "temp")
	general.add("app_id", "2")
	general.add("max_replica_count", "3")
	same(t, dotted(text(t, false, general)), `[general]
app_name           : temp
app_id             : 2···
max_replica_count  : 3···

`)
}

func TestEveryLeafOfJSONIsAString(t *testing.T) {
	details := columnTable("details", "address", "status")
	details.add("10.0.0.1:34801", "ALIVE")
	summary := pairTable("summary")
	summary.add("total_node_count", "1")
	summary.add("odd", "a\n\"<b>\"")
	same(t, text(t, true, details, summary), `{
    "details": {
        "10.0.0.1:34801": {
            "address": "10.0.0.1:34801",
            "status": "ALIVE"
        }
    },
    "summary": {
        "total_node_count": "1",
        "odd": "a\n\"<b>\""
    }
}
`)
}

func TestTablesOfNothing(t *testing.T) {
	rows := columnTable("details", "address")
	same(t, text(t, false, rows), "[details]\naddress  \n\n")
	same(t, text(t, true, rows), "{\n    \"details\": {}\n}\n")
	var b strings.Builder
	if err := printTable(&b, pairTable("app_envs"), false); err != nil || b.Len() > 0 {
		t.Errorf("a list of nothing printed %q, %v", b.String(), err)
	}
	if err := printTable(&b, pairTable("app_envs"), true); err != nil || b.String() != "{}\n" {
		t.Errorf("as JSON %q, %v", b.String(), err)
	}
}
