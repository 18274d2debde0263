// Package check counts claims about what a client library saw and says which failed.
package check

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strings"
)

// Checks collects claims. It is used by one goroutine.
type Checks struct {
	section string
	passed  int
	failed  []string
}

type stop struct{}

// Section runs f; a Must that fails in f ends f only.
func (c *Checks) Section(name string, f func()) {
	c.section = name
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(stop); !ours {
				c.fail(fmt.Sprintf("panic: %v", r))
			}
		}
	}()
	f()
}

// That claims that ok holds.
func (c *Checks) That(ok bool, format string, args ...interface{}) bool {
	if !ok {
		c.fail(fmt.Sprintf(format, args...))
		return false
	}
	c.passed++
	return true
}

// Same claims that got equals want; nil and empty byte slices are the same.
func (c *Checks) Same(got, want interface{}, format string, args ...interface{}) bool {
	equal := reflect.DeepEqual(got, want)
	if a, ok := got.([]byte); ok {
		b, ok := want.([]byte)
		equal = ok && bytes.Equal(a, b)
	}
	return c.That(equal, "%s: expected %s, got %s", fmt.Sprintf(format, args...), show(want), show(got))
}

// Must claims that err is nil and ends the section when it is not.
func (c *Checks) Must(err error, format string, args ...interface{}) {
	if !c.That(err == nil, "%s: %v", fmt.Sprintf(format, args...), err) {
		panic(stop{})
	}
}

// Refused claims that err is not nil and mentions text.
func (c *Checks) Refused(err error, text, format string, args ...interface{}) {
	c.That(err != nil && strings.Contains(err.Error(), text),
		"%s: expected an error with %q, got %v", fmt.Sprintf(format, args...), text, err)
}

// Exit prints the result and ends the process: 0 when every claim held.
func (c *Checks) Exit() {
	if len(c.failed) > 0 {
		fmt.Printf("failed %d of %d checks\n", len(c.failed), len(c.failed)+c.passed)
		os.Exit(1)
	}
	fmt.Printf("ok %d checks\n", c.passed)
	os.Exit(0)
}

func (c *Checks) fail(claim string) {
	claim = c.section + ": " + claim
	c.failed = append(c.failed, claim)
	fmt.Println("FAILED", claim)
}

func show(v interface{}) string {
	s := fmt.Sprintf("%v", v)
	if b, ok := v.([]byte); ok {
		s = fmt.Sprintf("%q", b)
	}
	if len(s) > 200 {
		s = fmt.Sprintf("%s... (%d bytes)", s[:200], len(s))
	}
	return s
}
