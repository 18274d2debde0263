package plot

import "math"

// scale maps values to 0..1 of an axis.
type scale struct {
	log    bool
	lo, hi float64 // of the values held; 0: none yet
}

// hold widens the scale so that a value fits. Logarithmic scales ignore what they cannot show.
func (s *scale) hold(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) || (s.log && v <= 0) {
		return
	}
	s.hi = max(s.hi, v)
	switch {
	case !s.log:
		s.lo = min(s.lo, v)
	case s.lo == 0:
		s.lo = v
	default:
		s.lo = min(s.lo, v)
	}
}

// share is where a value lies, between 0 and 1.
func (s scale) share(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		if v <= 0 || lo <= 0 {
			return 0
		}
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	if hi <= lo || math.IsNaN(v) {
		return 0
	}
	return min(max((v-lo)/(hi-lo), 0), 1)
}

// ticksMax is how many values an axis gets at most when nobody chose them.
const ticksMax = 5

// ticks are the values to write: those wanted that lie on the scale, else some round ones.
func (s scale) ticks(wanted []float64) []float64 {
	var list []float64
	for _, v := range wanted {
		if v >= s.lo && v <= s.hi {
			list = append(list, v)
		}
	}
	if wanted != nil || s.hi <= s.lo {
		return list
	}
	if s.log {
		return s.decades()
	}
	step := math.Pow(10, math.Floor(math.Log10((s.hi-s.lo)/2)))
	for _, times := range []float64{1, 2, 5, 10} {
		if (s.hi-s.lo)/(step*times) <= ticksMax-1 {
			step *= times
			break
		}
	}
	for v := math.Ceil(s.lo/step) * step; v <= s.hi; v += step {
		list = append(list, v)
	}
	return list
}

// decades are powers of ten on a logarithmic scale, with 2 and 5 between them when there are few.
func (s scale) decades() []float64 {
	var tens, all []float64
	for exponent := math.Floor(math.Log10(s.lo)); math.Pow(10, exponent) <= s.hi; exponent++ {
		for _, times := range []float64{1, 2, 5} {
			v := times * math.Pow(10, exponent)
			if v < s.lo || v > s.hi {
				continue
			}
			all = append(all, v)
			if times == 1 {
				tens = append(tens, v)
			}
		}
	}
	if len(all) <= ticksMax {
		return all
	}
	every := (len(tens) + ticksMax - 1) / ticksMax
	var list []float64
	for i := 0; i < len(tens); i += max(every, 1) {
		list = append(list, tens[i])
	}
	if len(list) < 2 {
		return all
	}
	return list
}
