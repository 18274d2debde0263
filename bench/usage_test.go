package bench

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestCPUTimeOfThisProcessGrows(t *testing.T) {
	before, err := ProcessUsage([]int{os.Getpid()})
	if os.IsNotExist(err) {
		t.Skip("this system has no /proc")
	}
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for end := time.Now().Add(60 * time.Millisecond); time.Now().Before(end); {
		sum++
	}
	after, err := ProcessUsage([]int{os.Getpid()})
	if err != nil || after.CPU <= before.CPU || after.RSSBytes <= 0 || sum == 0 {
		t.Errorf("CPU time went from %v to %v, memory %d bytes (%v)", before.CPU, after.CPU, after.RSSBytes, err)
	}
}

func TestStatLineWithAStrangeName(t *testing.T) {
	line := "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1000 1000000 3 18446744073709551615\n"
	got, err := parseStat([]byte(line))
	if err != nil || got.CPU != 3*time.Second || got.RSSBytes != 3*int64(os.Getpagesize()) {
		t.Errorf("got %+v (%v), want 3 s and 3 pages", got, err)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1 2"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken for a stat line", bad)
		}
	}
}

func TestCallsAndSwitchesOfThisProcessAreCounted(t *testing.T) {
	before, err := ProcessUsage([]int{os.Getpid()})
	if err != nil || before.Calls < 0 || before.Switches < 0 {
		t.Skipf("this system does not tell: %+v, %v", before, err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	const rounds = 200
	one := make([]byte, 1)
	for range rounds {
		if _, err := write.Write(one); err != nil {
			t.Fatal(err)
		}
		if _, err := read.Read(one); err != nil {
			t.Fatal(err)
		}
	}
	locked := make(chan struct{})
	go func() {
		defer close(locked)
		runtime.LockOSThread()
		for range 20 {
			time.Sleep(time.Millisecond) // the thread waits
		}
		runtime.UnlockOSThread()
	}()
	<-locked
	after, err := ProcessUsage([]int{os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	used := after.Difference(before)
	if used.Calls < 2*rounds {
		t.Errorf("%d calls were counted, at least %d were made", used.Calls, 2*rounds)
	}
	if used.Switches < 5 {
		t.Errorf("%d voluntary switches were counted while a thread slept 20 times", used.Switches)
	}
}

func TestCountsAreFoundByTheirWholeName(t *testing.T) {
	text := []byte("rchar: 5\nsyscr: 10\nsyscw: 7\nnonvoluntary_ctxt_switches:\t4\nvoluntary_ctxt_switches:\t93\n")
	for name, want := range map[string]int64{"syscr": 10, "syscw": 7, "voluntary_ctxt_switches": 93} {
		if got, err := parseCount(text, name); err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", name, got, err, want)
		}
	}
	for _, bad := range []string{"", "syscr", "syscr: many"} {
		if _, err := parseCount([]byte(bad), "syscr"); err == nil {
			t.Errorf("a count was found in %q", bad)
		}
	}
}

func TestUnknownCountsStayUnknown(t *testing.T) {
	known, unknown := Usage{CPU: 3, Calls: 10, Switches: 20}, Usage{CPU: 1, Calls: -1, Switches: -1}
	if d := known.Difference(unknown); d.CPU != 2 || d.Calls != -1 || d.Switches != -1 {
		t.Errorf("difference %+v", d)
	}
	if addKnown(addKnown(0, -1), 5) != -1 || addKnown(2, 3) != 5 {
		t.Error("unknown counts were added up")
	}
}

func TestTimesOfTheMachine(t *testing.T) {
	busy, all, err := parseMachineTimes([]byte("cpu  100 20 300 1000 50 0 30 7 60 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	if err != nil || busy != 4570*time.Millisecond || all != 15070*time.Millisecond {
		t.Errorf("busy %v of %v (%v)", busy, all, err)
	}
	for _, bad := range []string{"", "cpu 1 2 3", "cpu0 1 1 1 1 1 1 1 1 1 1", "cpu 1 1 1 1 1 1 1 x"} {
		if _, _, err := parseMachineTimes([]byte(bad)); err == nil {
			t.Errorf("times were found in %q", bad)
		}
	}
}
