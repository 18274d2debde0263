package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

const scanCode = "RPC_RRDB_RRDB_SCAN"

// fill writes n rows over several hash keys and returns them as "hash/sort".
func fill(t *testing.T, tab *client.Table, hashKeys, perKey int) []string {
	t.Helper()
	var rows []string
	for h := range hashKeys {
		var kvs []client.KV
		for s := range perKey {
			kvs = append(kvs, client.KV{SortKey: b(fmt.Sprintf("s%03d", s)), Value: b("v")})
			rows = append(rows, fmt.Sprintf("h%02d/s%03d", h, s))
		}
		check(t, tab.MultiSet(t.Context(), b(fmt.Sprintf("h%02d", h)), kvs, 0))
	}
	return rows
}

func walk(t *testing.T, s *client.Scanner, each func(i int)) []string {
	t.Helper()
	var rows []string
	for {
		row, ok, err := s.Next(t.Context())
		check(t, err)
		if !ok {
			return rows
		}
		rows = append(rows, string(row.HashKey)+"/"+string(row.SortKey))
		if each != nil {
			each(len(rows))
		}
	}
}

func TestFullScannersDeliverEveryRowOnce(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	want := fill(t, tab, 20, 25)
	for name, disturb := range map[string]func(int){
		"undisturbed": nil,
		"primary moves": func(i int) {
			if i%40 == 7 {
				for p := range 8 {
					fake.MovePrimary("temp", p, i%3)
				}
			}
		},
		"answers get lost": func(i int) {
			if i%30 == 3 {
				fake.Fail(scanCode, base.ErrTimeout, 1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			scanners, err := tab.FullScanners(client.ScanOptions{BatchSize: 7})
			check(t, err)
			var got []string
			for _, s := range scanners {
				got = append(got, walk(t, s, disturb)...)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("got %d rows, want %d", len(got), len(want))
			}
		})
	}
}

func TestHashScannerKeepsToItsRange(t *testing.T) {
	_, _, tab := open(t, client.Options{})
	fill(t, tab, 3, 10)
	for _, tc := range []struct {
		start, stop string
		o           client.ScanOptions
		first, last int
	}{
		{"", "", client.ScanOptions{BatchSize: 3}, 0, 9},
		{"s002", "s005", client.ScanOptions{BatchSize: 2}, 2, 4},
		{"s002", "s005", client.ScanOptions{StartExclusive: true, StopInclusive: true}, 3, 5},
		{"s004", "s004", client.ScanOptions{StopInclusive: true}, 4, 4},
		{"s004", "s004", client.ScanOptions{}, 1, 0},
		{"s005", "s002", client.ScanOptions{}, 1, 0},
		{"", "", client.ScanOptions{SortKeyFilter: client.Filter{Type: rrdb.FilterType_FT_MATCH_POSTFIX, Pattern: b("7")}}, 7, 7},
	} {
		s, err := tab.HashScanner(b("h01"), b(tc.start), b(tc.stop), tc.o)
		check(t, err)
		var want []string
		for i := tc.first; i <= tc.last; i++ {
			want = append(want, fmt.Sprintf("h01/s%03d", i))
		}
		if got := walk(t, s, nil); !slices.Equal(got, want) {
			t.Errorf("%q..%q %+v: %v", tc.start, tc.stop, tc.o, got)
		}
	}
}

func TestCloseOfAScannerDropsItsContext(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	fill(t, tab, 1, 10)
	s, err := tab.HashScanner(b("h00"), nil, nil, client.ScanOptions{BatchSize: 2})
	check(t, err)
	if _, ok, err := s.Next(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	s.Close()
	if _, ok, _ := s.Next(t.Context()); ok {
		t.Fatal("a closed scanner delivers")
	}
	check(t, tab.Set(t.Context(), b("h00"), nil, nil, 0)) // same connection: arrives after the clear
	if n := fake.Calls("RPC_RRDB_RRDB_CLEAR_SCANNER"); n != 1 {
		t.Fatal("clear_scanner sent", n, "times")
	}
}

func TestScannerGoesOnAfterAnErrorWasTold(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	want := fill(t, tab, 1, 10)
	s, err := tab.HashScanner(b("h00"), nil, nil, client.ScanOptions{BatchSize: 4})
	check(t, err)
	fake.Fail(scanCode, base.ErrBusy, 1)
	var got []string
	busy := 0
	for {
		row, ok, err := s.Next(t.Context())
		if errors.Is(err, base.ErrBusy) {
			busy++
			continue
		}
		check(t, err)
		if !ok {
			break
		}
		got = append(got, string(row.HashKey)+"/"+string(row.SortKey))
	}
	if busy != 1 || !slices.Equal(got, want) {
		t.Fatal(busy, got)
	}
}

func TestCountDataCountsOnTheServers(t *testing.T) {
	fake, _, tab := open(t, client.Options{})
	fill(t, tab, 20, 25)
	fake.Fail(scanCode, base.ErrInvalidState, 1)
	n, err := tab.CountData(t.Context(), client.ScanOptions{BatchSize: 10})
	if n != 500 || err != nil {
		t.Fatal(n, err)
	}
	n, err = tab.CountData(t.Context(), client.ScanOptions{
		HashKeyFilter: client.Filter{Type: rrdb.FilterType_FT_MATCH_PREFIX, Pattern: b("h1")},
	})
	if n != 250 || err != nil {
		t.Fatal(n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tab.CountData(ctx, client.ScanOptions{}); err == nil {
		t.Fatal("counted with a dead context")
	}
}
