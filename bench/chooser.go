package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// Distribution says which rows are touched how often.
type Distribution string

// The distributions: every row alike; few rows very often, spread over the key space; the rows inserted last very
// often; one row after the other.
const (
	Uniform    Distribution = "uniform"
	Zipfian    Distribution = "zipfian"
	Latest     Distribution = "latest"
	Sequential Distribution = "sequential"
)

// Distributions lists the valid ones, for help texts.
var Distributions = []Distribution{Uniform, Zipfian, Latest, Sequential}

// zipfTheta is the skew of YCSB: the most popular of a million rows gets about 7 % of the operations.
const zipfTheta = 0.99

// chooser picks rows in [0, rows). One chooser belongs to one caller; what callers share is in shared.
type chooser interface {
	next(rng *rand.Rand) int64
}

// population is the number of rows, which inserts let grow. All callers share one.
type population struct {
	rows atomic.Int64
}

// insert reserves the next row.
func (p *population) insert() int64 { return p.rows.Add(1) - 1 }

// newChooser makes the chooser of one caller. sequence is shared by all callers of a sequential run.
func newChooser(d Distribution, people *population, zipf *zipfTable, sequence *atomic.Int64) (chooser, error) {
	switch d {
	case Uniform:
		return uniformChooser{people}, nil
	case Zipfian:
		return &zipfChooser{zipf: zipf}, nil
	case Latest:
		return &latestChooser{zipf: zipf, people: people}, nil
	case Sequential:
		return sequentialChooser{people, sequence}, nil
	}
	return nil, fmt.Errorf("bench: unknown distribution %q, want one of %v", d, Distributions)
}

type uniformChooser struct{ people *population }

func (c uniformChooser) next(rng *rand.Rand) int64 { return rng.Int64N(c.people.rows.Load()) }

type sequentialChooser struct {
	people   *population
	sequence *atomic.Int64
}

func (c sequentialChooser) next(*rand.Rand) int64 {
	return (c.sequence.Add(1) - 1) % c.people.rows.Load()
}

// zipfTable holds the constants of the method of Gray et al. ("Quickly generating billion-record synthetic
// databases", SIGMOD 1994), which YCSB uses as well, for a fixed number of items.
type zipfTable struct {
	items                      int64
	alpha, zetaN, eta, half    float64
	thresholdOne, thresholdTwo float64
}

func newZipfTable(items int64) *zipfTable {
	zetaN := zeta(items, zipfTheta)
	zeta2 := zeta(2, zipfTheta)
	t := &zipfTable{items: items, alpha: 1 / (1 - zipfTheta), zetaN: zetaN}
	t.eta = (1 - math.Pow(2/float64(items), 1-zipfTheta)) / (1 - zeta2/zetaN)
	t.half = math.Pow(0.5, zipfTheta)
	t.thresholdOne, t.thresholdTwo = 1, 1+t.half
	return t
}

// zeta is the sum of 1/i^theta for i in 1..n.
func zeta(n int64, theta float64) float64 {
	sum := 0.0
	for i := int64(1); i <= n; i++ {
		sum += 1 / math.Pow(float64(i), theta)
	}
	return sum
}

// rank draws a rank in [0, items): rank 0 is the most popular.
func (t *zipfTable) rank(rng *rand.Rand) int64 {
	u := rng.Float64()
	uz := u * t.zetaN
	switch {
	case uz < t.thresholdOne:
		return 0
	case uz < t.thresholdTwo && t.items > 1:
		return 1
	}
	rank := int64(float64(t.items) * math.Pow(t.eta*u-t.eta+1, t.alpha))
	return min(max(rank, 0), t.items-1)
}

// zipfChooser scatters the ranks over the key space, so that popular rows do not sit side by side.
type zipfChooser struct{ zipf *zipfTable }

func (c *zipfChooser) next(rng *rand.Rand) int64 {
	return int64(mix64(uint64(c.zipf.rank(rng))) % uint64(c.zipf.items))
}

// latestChooser counts ranks back from the row that was inserted last.
type latestChooser struct {
	zipf   *zipfTable
	people *population
}

func (c *latestChooser) next(rng *rand.Rand) int64 {
	return max(c.people.rows.Load()-1-c.zipf.rank(rng), 0)
}

// mix64 is a bijection that looks random (the finalizer of SplitMix64).
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
