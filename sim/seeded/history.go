package seeded

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/anishathalye/porcupine"
)

// op is one operation of a client on a row: get, set, del, cas (set when the row holds expect),
// incr, and mset and mget, which treat three rows as one. The empty string is no row.
type op struct {
	client     int
	kind, key  string
	value      string // what a write writes; of incr: the result
	expect     string // of cas
	seen       string // what a read, or a cas, found
	failed     bool   // a cas whose condition did not hold
	unknown    bool   // it may take effect at any time after begin, or never
	begin, end time.Duration
}

func (o op) changes() bool { return o.kind != "get" && o.kind != "mget" && !o.failed }

func (o op) String() string {
	s := o.kind + " " + o.key
	if o.kind == "cas" {
		s += fmt.Sprintf(" expect %q", o.expect)
	}
	if o.changes() {
		s += fmt.Sprintf(" value %q", o.value)
	}
	if o.failed || !o.changes() {
		s += fmt.Sprintf(" saw %q", o.seen)
	}
	return s
}

// step is the model of one row.
func (o op) step(state string) (ok bool, next string) {
	switch o.kind {
	case "get", "mget":
		return o.seen == state, state
	case "set", "mset":
		return true, o.value
	case "del":
		return true, ""
	case "incr":
		n, _ := strconv.Atoi(state)
		next = strconv.Itoa(n + 1)
		return o.unknown || o.value == next, next
	}
	if state != o.expect { // of cas
		return o.unknown || o.failed && o.seen == state, state
	}
	return o.unknown || !o.failed, o.value
}

// model is a row for the checker. Histories of rows are checked one by one.
var model = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, _ any) (bool, any) {
		ok, next := input.(op).step(state.(string))
		return ok, next
	},
	DescribeOperation: func(input, _ any) string { return input.(op).String() },
}

// history is what all clients did.
type history struct{ rows map[string][]op }

func (h *history) add(o op) { h.rows[o.key] = append(h.rows[o.key], o) }

// checkTimeout bounds the search in one row's history; one that takes longer is reported, not passed.
const checkTimeout = 20 * time.Second

// check looks for an order of the operations of each row in which each saw what it saw.
func (h *history) check() (checked int, err error) {
	for _, key := range slices.Sorted(maps.Keys(h.rows)) {
		ops := relevant(h.rows[key])
		list := make([]porcupine.Operation, 0, len(ops))
		for _, o := range ops {
			end := int64(o.end)
			if o.unknown {
				end = math.MaxInt64
			}
			list = append(list, porcupine.Operation{ClientId: o.client, Input: o, Call: int64(o.begin), Return: end})
		}
		checked += len(list)
		switch porcupine.CheckOperationsTimeout(model, list, checkTimeout) {
		case porcupine.Illegal:
			return checked, fmt.Errorf("row %s: no order of its operations explains what clients saw:\n%s", key, describe(ops))
		case porcupine.Unknown:
			return checked, fmt.Errorf("row %s: %d operations were too hard to check in %v", key, len(list), checkTimeout)
		}
	}
	return checked, nil
}

// relevant drops the writes of unknown outcome whose value nobody saw. Every other operation tells
// the state it met, so they may as well come after all others; keeping them makes the search hopeless.
// Of a removal nobody can say, and increments show in the next one: those stay.
func relevant(ops []op) []op {
	met := map[string]bool{}
	for _, o := range ops {
		if !o.unknown {
			met[o.seen] = true
			if o.kind == "cas" && !o.failed {
				met[o.expect] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(ops), func(o op) bool {
		return o.unknown && o.kind != "del" && o.kind != "incr" && !met[o.value]
	})
}

// describe lists a row's operations by time, the last of them.
func describe(ops []op) (s string) {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b op) int { return cmp.Compare(a.begin, b.begin) })
	for _, o := range ops[max(0, len(ops)-60):] {
		outcome := fmt.Sprintf("%.6f", o.end.Seconds())
		if o.unknown {
			outcome = "?"
		}
		s += fmt.Sprintf("%11.6f .. %s client%d %s\n", o.begin.Seconds(), outcome, o.client, o)
	}
	return s
}
