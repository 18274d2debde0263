package conf

import (
	"strings"
	"sync/atomic"
	"time"
)

// The units of numbers.
type (
	Count     int64
	Percent   int64
	Nanos     int64
	Millis    int64
	Seconds   int64
	Minutes   int64
	Hours     int64
	Bytes     int64
	Megabytes int64 // of 1 MiB
)

func (n Nanos) Duration() time.Duration   { return time.Duration(n) }
func (n Millis) Duration() time.Duration  { return time.Duration(n) * time.Millisecond }
func (n Seconds) Duration() time.Duration { return time.Duration(n) * time.Second }
func (n Minutes) Duration() time.Duration { return time.Duration(n) * time.Minute }
func (n Hours) Duration() time.Duration   { return time.Duration(n) * time.Hour }

// Bytes converts to bytes.
func (n Megabytes) Bytes() int64 { return int64(n) << 20 }

// List is what upstream writes as one string with commas. In a file it may also
// be an array of strings.
type List []string

func (l List) String() string { return strings.Join(l, ",") }

func parseList(s string) List {
	var out List
	for _, item := range strings.Split(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// Live is a number that Config.Set may change at any time. Reading it costs one
// atomic load.
type Live[T ~int64] struct{ v atomic.Int64 }

// Get returns the current value.
func (l *Live[T]) Get() T { return T(l.v.Load()) }

func (l *Live[T]) load() int64   { return l.v.Load() }
func (l *Live[T]) store(n int64) { l.v.Store(n) }

// liveNumber is any Live, whatever its unit.
type liveNumber interface {
	load() int64
	store(int64)
}

// LiveBool is a switch that Config.Set may change at any time.
type LiveBool struct{ v atomic.Bool }

// Get returns the current value.
func (l *LiveBool) Get() bool { return l.v.Load() }
