package bench

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
)

// kind is what an operation does.
type kind int

const (
	kindGet kind = iota
	kindSet
	kindInsert
	kindMultiGet
	kindMultiSet
	kindScan
	kindIncr
	kindCheckAndSet
	kindReadModifyWrite
	kinds // count
)

var kindNames = [kinds]string{"get", "set", "insert", "multi_get", "multi_set", "scan", "incr", "check_and_set", "read_modify_write"}

func (k kind) String() string { return kindNames[k] }

// grouped kinds touch many rows of one hash key.
func (k kind) grouped() bool { return k == kindMultiGet || k == kindMultiSet || k == kindScan }

// share is one kind of a workload and its weight; the weights of a workload add up to 1.
type share struct {
	kind   kind
	weight float64
}

// workload is a mix of operations and the distribution that belongs to it.
type workload struct {
	name         string
	about        string
	mix          []share
	distribution Distribution
	lengths      bool // scans take a uniform number of rows in 1..batch, as YCSB E does
}

// workloads are those that can be named on the command line. The weights of "mixed" are replaced by Options.ReadShare.
var workloads = []workload{
	{"get", "read one row", []share{{kindGet, 1}}, Uniform, false},
	{"set", "write one row", []share{{kindSet, 1}}, Uniform, false},
	{"multi_get", "read all rows of a hash key", []share{{kindMultiGet, 1}}, Uniform, false},
	{"multi_set", "write all rows of a hash key", []share{{kindMultiSet, 1}}, Uniform, false},
	{"scan", "scan the rows of a hash key, one batch", []share{{kindScan, 1}}, Uniform, false},
	{"incr", "increment a counter", []share{{kindIncr, 1}}, Uniform, false},
	{"check_and_set", "write one row if it exists", []share{{kindCheckAndSet, 1}}, Uniform, false},
	{"mixed", "get and set, --read-share of them get", []share{{kindGet, 0.5}, {kindSet, 0.5}}, Uniform, false},
	{"ycsb-a", "50 % get, 50 % set", []share{{kindGet, 0.5}, {kindSet, 0.5}}, Zipfian, false},
	{"ycsb-b", "95 % get, 5 % set", []share{{kindGet, 0.95}, {kindSet, 0.05}}, Zipfian, false},
	{"ycsb-c", "get only", []share{{kindGet, 1}}, Zipfian, false},
	{"ycsb-d", "95 % get of recent rows, 5 % insert", []share{{kindGet, 0.95}, {kindInsert, 0.05}}, Latest, false},
	{"ycsb-e", "95 % scan of 1 to --batch rows, 5 % insert", []share{{kindScan, 0.95}, {kindInsert, 0.05}}, Zipfian, true},
	{"ycsb-f", "50 % get, 50 % read-modify-write", []share{{kindGet, 0.5}, {kindReadModifyWrite, 0.5}}, Zipfian, false},
}

// Workloads describes each workload in a line, for help texts.
func Workloads() string {
	var b strings.Builder
	for _, w := range workloads {
		fmt.Fprintf(&b, "  %-14s %s (%s)\n", w.name, w.about, w.distribution)
	}
	return b.String()
}

func findWorkload(name string) (workload, error) {
	var names []string
	for _, w := range workloads {
		if w.name == name {
			return w, nil
		}
		names = append(names, w.name)
	}
	sort.Strings(names)
	return workload{}, fmt.Errorf("bench: unknown workload %q, want one of %s", name, strings.Join(names, ", "))
}

// draw picks a kind by weight.
func (w *workload) draw(rng *rand.Rand) kind {
	if len(w.mix) == 1 {
		return w.mix[0].kind
	}
	u := rng.Float64()
	for _, s := range w.mix {
		if u < s.weight {
			return s.kind
		}
		u -= s.weight
	}
	return w.mix[len(w.mix)-1].kind
}

func (w *workload) any(has func(kind) bool) bool {
	for _, s := range w.mix {
		if s.weight > 0 && has(s.kind) {
			return true
		}
	}
	return false
}
