package bench

import (
	"bytes"
	"math"
	"math/rand/v2"
	"sort"
	"sync/atomic"
	"testing"
)

func testRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestZipfianRanksFollowThePowerLaw(t *testing.T) {
	const items, draws = 1000, 400_000
	table, rng := newZipfTable(items), testRand()
	counts := make([]float64, items)
	for range draws {
		counts[table.rank(rng)]++
	}
	norm := zeta(items, zipfTheta)
	for _, rank := range []int{0, 1} { // exact in the method; further ranks are approximated by it
		want := 1 / math.Pow(float64(rank+1), zipfTheta) / norm
		if got := counts[rank] / draws; math.Abs(got-want) > 0.05*want {
			t.Errorf("rank %d drawn with frequency %.4f, want %.4f", rank, got, want)
		}
	}
	// The first hundredth and the first tenth of the ranks must get their shares.
	for _, top := range []int{10, 100} {
		got := 0.0
		for _, c := range counts[:top] {
			got += c / draws
		}
		want := zeta(int64(top), zipfTheta) / norm
		if math.Abs(got-want) > 0.05*want {
			t.Errorf("the %d most popular rows got %.3f of the draws, want %.3f", top, got, want)
		}
	}
}

func TestZipfianRowsAreScattered(t *testing.T) {
	const items, draws = 10_000, 200_000
	c, rng := &zipfChooser{newZipfTable(items)}, testRand()
	counts := map[int64]int{}
	for range draws {
		row := c.next(rng)
		if row < 0 || row >= items {
			t.Fatalf("row %d outside of [0, %d)", row, items)
		}
		counts[row]++
	}
	rows := make([]int64, 0, len(counts))
	for row := range counts {
		rows = append(rows, row)
	}
	sort.Slice(rows, func(i, j int) bool { return counts[rows[i]] > counts[rows[j]] })
	for i := range 5 {
		if distance := rows[i] - rows[i+1]; distance > -3 && distance < 3 {
			t.Errorf("the popular rows %d and %d lie side by side", rows[i], rows[i+1])
		}
	}
}

func TestUniformTouchesAllRowsAlike(t *testing.T) {
	people := &population{}
	people.rows.Store(100)
	c, rng := uniformChooser{people}, testRand()
	counts := make([]int, 100)
	for range 100_000 {
		counts[c.next(rng)]++
	}
	for row, n := range counts {
		if n < 850 || n > 1150 {
			t.Errorf("row %d was chosen %d times, want about 1000", row, n)
		}
	}
}

func TestLatestPrefersWhatWasInsertedLast(t *testing.T) {
	people := &population{}
	people.rows.Store(1000)
	c, rng := &latestChooser{newZipfTable(1000), people}, testRand()
	if people.insert() != 1000 || people.insert() != 1001 {
		t.Fatal("inserts do not get the next rows")
	}
	counts := map[int64]int{}
	for range 10_000 {
		row := c.next(rng)
		if row < 0 || row > 1001 {
			t.Fatalf("row %d outside of the population", row)
		}
		counts[row]++
	}
	if counts[1001] < 1000 || counts[1001] < counts[1000] {
		t.Errorf("the newest row was chosen %d times of 10000, the one before %d times", counts[1001], counts[1000])
	}
}

func TestSequentialVisitsEachRowOnceAcrossCallers(t *testing.T) {
	people, sequence := &population{}, &atomic.Int64{}
	people.rows.Store(10)
	a, b := sequentialChooser{people, sequence}, sequentialChooser{people, sequence}
	seen := map[int64]int{}
	for range 10 {
		seen[a.next(nil)]++
		seen[b.next(nil)]++
	}
	for row := range int64(10) {
		if seen[row] != 2 {
			t.Errorf("row %d was visited %d times in two rounds", row, seen[row])
		}
	}
}

func TestMixesAddUpAndAreDrawnByWeight(t *testing.T) {
	const draws = 100_000
	for _, w := range workloads {
		sum := 0.0
		for _, s := range w.mix {
			sum += s.weight
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("%s: weights add up to %g", w.name, sum)
		}
		rng, counts := testRand(), map[kind]int{}
		for range draws {
			counts[w.draw(rng)]++
		}
		for _, s := range w.mix {
			if got := float64(counts[s.kind]) / draws; math.Abs(got-s.weight) > 0.01 {
				t.Errorf("%s: %s has %.3f of the draws, want %.2f", w.name, s.kind, got, s.weight)
			}
		}
	}
}

// The core workloads as Cooper et al. define them ("Benchmarking cloud serving systems with YCSB", 2010).
func TestYCSBWorkloadsAreTheCoreOnes(t *testing.T) {
	want := map[string]map[kind]float64{
		"ycsb-a": {kindGet: 0.5, kindSet: 0.5},
		"ycsb-b": {kindGet: 0.95, kindSet: 0.05},
		"ycsb-c": {kindGet: 1},
		"ycsb-d": {kindGet: 0.95, kindInsert: 0.05},
		"ycsb-e": {kindScan: 0.95, kindInsert: 0.05},
		"ycsb-f": {kindGet: 0.5, kindReadModifyWrite: 0.5},
	}
	for name, mix := range want {
		w, err := findWorkload(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range w.mix {
			if mix[s.kind] != s.weight {
				t.Errorf("%s: %s weighs %g, want %g", name, s.kind, s.weight, mix[s.kind])
			}
		}
		if (w.distribution == Latest) != (name == "ycsb-d") || w.distribution == Uniform {
			t.Errorf("%s: distribution %s", name, w.distribution)
		}
	}
	if _, err := findWorkload("ycsb-g"); err == nil {
		t.Error("an unknown workload was found")
	}
}

func TestKeysAreUniqueAndSortInOrder(t *testing.T) {
	l := newLayout(100, 50, 7)
	seen := map[string]bool{}
	for group := range int64(1000) {
		key := string(l.appendHashKey(nil, group))
		missing := string(l.appendMissingHashKey(nil, group))
		if seen[key] || seen[missing] {
			t.Fatalf("group %d shares its key with another", group)
		}
		seen[key], seen[missing] = true, true
	}
	for member := range int64(99) {
		if bytes.Compare(l.appendSortKey(nil, member), l.appendSortKey(nil, member+1)) >= 0 {
			t.Errorf("sort keys %d and %d are out of order", member, member+1)
		}
	}
	if string(newLayout(1, 1, 0).appendHashKey(nil, 3)) == string(newLayout(2, 1, 0).appendHashKey(nil, 3)) {
		t.Error("layouts of different groups share hash keys")
	}
	if l.groups(1) != 1 || l.groups(100) != 1 || l.groups(101) != 2 {
		t.Error("groups are counted wrongly")
	}
}

func TestValuesHaveTheirSize(t *testing.T) {
	rng := testRand()
	for _, size := range []int{0, 1, 100, valuePoolBytes + 5} {
		l := newLayout(1, size, 7)
		for range 100 {
			if got := len(l.value(rng)); got != size {
				t.Fatalf("a value has %d bytes, want %d", got, size)
			}
		}
	}
}
