package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// wantTimerSlack looks whether the servers of a onebox run with the default of [core] timer_slack_ns, under their own name.
func wantTimerSlack(t *testing.T, control func(...string) (string, error)) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	text, err := control("list")
	servers := regexp.MustCompile(`(?m)^(?:meta|replica)\d+ +(\d+) `).FindAllStringSubmatch(text, -1)
	if err != nil || len(servers) != 6 {
		t.Fatalf("list: %v %s", err, text)
	}
	for _, s := range servers {
		dir := "/proc/" + s[1]
		if name, err := os.ReadFile(dir + "/comm"); err != nil || string(name) != "pegasus\n" {
			t.Errorf("%s runs as %q (%v)", s[0], name, err)
		}
		slack, err := os.ReadFile(dir + "/timerslack_ns")
		if os.IsPermission(err) {
			t.Log("the timer slack of other processes may not be read")
			return
		}
		if got := strings.TrimSpace(string(slack)); err != nil || got != fmt.Sprint(500_000) {
			t.Errorf("%s: timer slack %q (%v)", s[0], got, err)
		}
	}
}
