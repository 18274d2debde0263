package replica

import "testing"

func TestPrepareListShare(t *testing.T) {
	const most = 16 << 20
	for _, c := range []struct {
		total int64
		n     int
		want  int64
	}{
		{0, 10, most},
		{512 << 20, 0, most},
		{512 << 20, 1, most},
		{512 << 20, 32, most},
		{512 << 20, 33, 8 << 20},
		{512 << 20, 1000, 512 << 10},
		{512 << 20, 1023, 512 << 10}, // the same for many numbers of partitions
		{1 << 20, 1000, prepareListBytesMin},
	} {
		if got := prepareListShare(c.total, most, c.n); got != c.want {
			t.Errorf("%d partitions of %d bytes: %d each, want %d", c.n, c.total, got, c.want)
		}
	}
}
