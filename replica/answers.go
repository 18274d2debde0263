package replica

import "sync/atomic"

const (
	// answerBytesMin is what an answer of many rows may have however much is taken already.
	answerBytesMin = 512 << 10
	// answerPart of what is free is what one answer gets.
	answerPart = 4
)

// answers lets the answers of long reads that are being built at the same time take no more than what is left for answers.
type answers struct {
	max      int64        // of all, those included that peers have not taken; 0: no limit
	reserved atomic.Int64 // for those that are being built
}

// reserve returns how many bytes of rows an answer may have, 0 for no limit, while so many wait to be taken; give it back with release.
func (a *answers) reserve(waiting int64) int64 {
	if a.max <= 0 {
		return 0
	}
	n := max((a.max-waiting-a.reserved.Load())/answerPart, answerBytesMin)
	a.reserved.Add(n)
	return n
}

func (a *answers) release(n int64) { a.reserved.Add(-n) }
