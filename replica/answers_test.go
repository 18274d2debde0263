package replica

import "testing"

// However many long reads run, what they reserve together stays below the limit, but for the least that each gets.
func TestAnswersShareWhatIsFree(t *testing.T) {
	const most = 64 << 20
	a := answers{max: most}
	var got []int64
	for range 64 {
		got = append(got, a.reserve(0))
	}
	if got[0] != most/answerPart || a.reserved.Load() > most+64*answerBytesMin || got[63] != answerBytesMin {
		t.Errorf("%d bytes are reserved of %d; first %d, last %d", a.reserved.Load(), most, got[0], got[63])
	}
	for _, n := range got {
		a.release(n)
	}
	if n := a.reserved.Load(); n != 0 {
		t.Errorf("%d bytes are still reserved", n)
	}
	if n := a.reserve(most); n != answerBytesMin {
		t.Errorf("%d bytes while peers take nothing", n)
	}
	if n := new(answers).reserve(1 << 40); n != 0 {
		t.Errorf("%d bytes without a limit", n)
	}
}
