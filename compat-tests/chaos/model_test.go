//go:build linux

package chaos

import (
	"fmt"
	"math"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// row is the model of one row: a text, where the empty one is no row. Counters are decimal texts.
var row = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		was, in, out := state.(string), input.(record), output.(record)
		open := out.Outcome == unknown
		switch in.Op {
		case "get":
			return out.Output == was, was
		case "set":
			return true, in.Value
		case "del":
			return true, ""
		case "incr":
			sum := strconv.FormatInt(number(was)+number(in.Value), 10)
			return open || out.Output == sum, sum
		case "cas":
			if was == in.Expect {
				return open || out.Passed, in.Value
			}
			return open || (!out.Passed && out.Output == was), was
		}
		panic("chaos: no model of " + in.Op)
	},
	DescribeOperation: func(input, output any) string {
		in, out := input.(record), output.(record)
		text := fmt.Sprintf("%s %d: %s %q", in.Client, in.Caller, in.Op, in.Value)
		if in.Op == "cas" {
			text += fmt.Sprintf(" if %q", in.Expect)
		}
		if out.Outcome == unknown {
			return text + " -> ?"
		}
		if in.Op == "cas" && out.Passed {
			return text + " -> done"
		}
		return fmt.Sprintf("%s -> %q", text, out.Output)
	},
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // no row counts as 0
	return n
}

// operations makes the history of one key. Reads that failed and writes that were never executed tell nothing. A write of
// unknown outcome whose value nobody met may as well come after all others: every other operation tells the state it met.
// Leaving it out keeps the check from growing exponentially.
func operations(list []record) (ops []porcupine.Operation) {
	met := map[string]bool{}
	for _, r := range list {
		met[r.Output] = true
		if r.Passed {
			met[r.Expect] = true
		}
	}
	for i, r := range list {
		if r.Outcome == failed || r.Outcome == refused {
			continue
		}
		op := porcupine.Operation{ClientId: i, Input: r, Output: r, Call: r.Start, Return: r.End}
		if r.Outcome == unknown {
			if (r.Op == "set" || r.Op == "cas") && !met[r.Value] {
				continue
			}
			op.Return = math.MaxInt64
		}
		ops = append(ops, op)
	}
	return ops
}

// histories are the records by key, without the rows that are written once.
func histories(list []record) map[string][]record {
	byKey := map[string][]record{}
	for _, r := range list {
		if r.Op != "row" {
			byKey[r.Key] = append(byKey[r.Key], r)
		}
	}
	return byKey
}

// checked is the result of checking all histories.
type checked struct {
	Keys, Operations, Open int // Open: of unknown outcome and not left out
	Took                   time.Duration
	Problems               []string // histories that are not linearizable, or that could not be decided in time
}

// check checks every key by itself, some at a time. dir takes a picture of each bad history.
func check(byKey map[string][]record, dir string, each time.Duration) checked {
	began := time.Now()
	var c checked
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for key, list := range byKey {
		ops := operations(list)
		c.Keys++
		c.Operations += len(ops)
		for _, op := range ops {
			if op.Return == math.MaxInt64 {
				c.Open++
			}
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			result, info := porcupine.CheckOperationsVerbose(row, ops, each)
			if result == porcupine.Ok {
				return
			}
			picture := fmt.Sprintf("%s/%s.html", dir, key)
			problem := fmt.Sprintf("%s: the history of %d operations is not linearizable", key, len(ops))
			if result == porcupine.Unknown {
				problem = fmt.Sprintf("%s: the history of %d operations could not be decided within %v", key, len(ops), each)
			}
			if err := porcupine.VisualizePath(row, info, picture); err == nil {
				problem += ", see " + picture
			}
			mu.Lock()
			c.Problems = append(c.Problems, problem)
			mu.Unlock()
		})
	}
	wg.Wait()
	sort.Strings(c.Problems)
	c.Took = time.Since(began)
	return c
}

// lostRows compares the rows that are there, intact or changed, with those that were written once each. A row of unknown outcome
// may be there.
func lostRows(list []record, found map[string]string) (acknowledged int, problems []string) {
	written := map[string]bool{}
	for _, r := range list {
		if r.Op != "row" {
			continue
		}
		written[r.Key] = true
		value, there := found[r.Key]
		if r.Outcome == ok {
			acknowledged++
		}
		if (r.Outcome == ok && !there) || (there && value != rowIntact) {
			problems = append(problems, fmt.Sprintf("row %s: %s at %d, found %q", r.Key, r.Outcome, r.End, value))
		}
	}
	for key := range found {
		if !written[key] {
			problems = append(problems, fmt.Sprintf("row %s was never written", key))
		}
	}
	return acknowledged, problems
}
