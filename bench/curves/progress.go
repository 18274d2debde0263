package curves

import (
	"strings"
	"time"
)

// loadEvery is the time between two lines of a load that are passed on.
const loadEvery = 5 * time.Second

// loadProgress passes some lines of a load on.
type loadProgress struct {
	say  func(string, ...any)
	last time.Time // of a line, at first of the beginning
}

func (p *loadProgress) Write(line []byte) (int, error) {
	if now := time.Now(); now.Sub(p.last) >= loadEvery {
		p.last = now
		p.say("%s", strings.TrimSpace(string(line)))
	}
	return len(line), nil
}
