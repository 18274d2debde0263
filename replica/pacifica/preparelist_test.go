package pacifica

import "testing"

// A list whose limit is lowered forgets its oldest committed mutations at once, and never the last nor what is not committed.
func TestPrepareListShrinks(t *testing.T) {
	l := newPrepareList(16, 1000)
	l.reset(0)
	for d := int64(1); d <= 8; d++ {
		l.put(&Mutation{Decree: d, Raw: make([]byte, 100)})
		if d <= 6 {
			l.advance()
		}
	}
	for _, c := range []struct{ limit, min, bytes int64 }{{600, 1, 600}, {250, 5, 200}, {1000, 5, 200}, {1, 6, 100}} {
		l.bytesMax = c.limit
		l.trim()
		if l.min != c.min || l.committedBytes != c.bytes || l.last != 8 || l.get(8) == nil {
			t.Errorf("limit %d: from decree %d with %d bytes, want from %d with %d", c.limit, l.min, l.committedBytes, c.min, c.bytes)
		}
	}
	if l.advance(); l.min != 7 {
		t.Errorf("after the next commit the list begins at %d", l.min)
	}
}
