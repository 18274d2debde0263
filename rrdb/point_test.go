package rrdb

import (
	"strings"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

func TestPutGetRemove(t *testing.T) {
	r := newRig(t)
	long := strings.Repeat("x", 60000)
	rows := []struct{ hash, sort, value string }{
		{"h", "s", "v"}, {"h", "", "empty sort key"}, {"", "s", "empty hash key"}, {"", "", "both empty"},
		{"h", "e", ""}, {"\xff\xff", "\xff\xff", "high bytes"}, {"h", "\x00", "zero byte"}, {long, "s", "long hash key"},
		{"h", "big", strings.Repeat("v", 400<<10)},
	}
	for _, row := range rows {
		eq(t, "before", r.get(row.hash, row.sort), "!1")
		r.put(row.hash, row.sort, row.value)
	}
	for range 2 {
		for _, row := range rows {
			eq(t, "value", r.get(row.hash, row.sort), row.value)
		}
		r.reopen()
	}
	for _, row := range rows {
		var resp rrdb.UpdateResponse
		for range 2 { // the second removes an absent key, which is fine
			r.write(OpRemove, base.BlobOf(rawKey(row.hash, row.sort)), &resp)
			eq(t, "remove", resp.Error, 0)
			eq(t, "decree", resp.Decree, r.s.LastApplied())
		}
		eq(t, "removed", r.get(row.hash, row.sort), "!1")
	}
}
