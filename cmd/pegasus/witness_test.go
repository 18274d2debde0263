package main

import (
	"io"
	"strings"
	"testing"
)

const testTestimony = `{"Pid":77,"Address":"127.0.0.1:34801","StartUnixMs":5,"Metas":["127.0.0.1:34601"]}` + "\n"

// orphaned is a parent that is there for a number of looks.
func orphaned(looks int) func() int {
	return func() int {
		if looks--; looks >= 0 {
			return 77
		}
		return 1
	}
}

func TestWitnessTellsOnlyOfAnEnd(t *testing.T) {
	for _, tc := range []struct {
		what, input string
		told        bool
	}{
		{"the server ended", testTestimony, true},
		{"the server took its leave", testTestimony + farewell, false},
		{"the server ended before it said who it is", "", false},
		{"the server ended within that", testTestimony[:20], false},
		{"what it said is no testimony", "x\n", false},
	} {
		var got []testimony
		err := witness(strings.NewReader(tc.input), orphaned(3), func(said testimony) error { got = append(got, said); return nil })
		if told := len(got) == 1 && got[0].StartUnixMs == 5; told != tc.told || (err == nil) != (tc.told || strings.HasSuffix(tc.input, farewell)) {
			t.Errorf("%s: told %v, %v", tc.what, got, err)
		}
	}
}

// TestWitnessOfALivingServerIsSilent ends the pipe alone: as long as the parent is the same, nothing may be said.
func TestWitnessOfALivingServerIsSilent(t *testing.T) {
	looks := 0
	parent := func() int {
		if looks++; looks > 500 {
			return 1
		}
		return 77
	}
	err := witness(strings.NewReader(testTestimony), parent, func(testimony) error {
		if looks <= 500 {
			t.Error("a living server was declared dead")
		}
		return nil
	})
	if err != nil || looks <= 500 {
		t.Error(err, looks)
	}
	broken := io.MultiReader(strings.NewReader(testTestimony), brokenPipe{})
	if err := witness(broken, orphaned(0), func(testimony) error { t.Error("told after an error of the pipe"); return nil }); err == nil {
		t.Error("no error")
	}
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
