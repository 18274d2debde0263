package host

import (
	"context"
	"reflect"
	"time"
)

// System is the machine this process runs on.
var System Host = system{}

type system struct{}

var started = time.Now()

func (system) Now() time.Time                      { return time.Now() }
func (system) Elapsed() time.Duration              { return time.Since(started) }
func (system) Go(f func())                         { go f() }
func (system) AfterFunc(d time.Duration, f func()) { time.AfterFunc(d, f) }
func (system) Recv(ch <-chan struct{})             { <-ch }

func (system) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (system) Wait(d time.Duration, on ...<-chan struct{}) int {
	var over <-chan time.Time
	if d != Forever {
		t := time.NewTimer(d)
		defer t.Stop()
		over = t.C
	}
	var a, b, c <-chan struct{}
	switch len(on) {
	default:
		return waitMany(over, on)
	case 3:
		c = on[2]
		fallthrough
	case 2:
		b = on[1]
		fallthrough
	case 1:
		a = on[0]
	case 0:
	}
	select {
	case <-a:
		return 0
	case <-b:
		return 1
	case <-c:
		return 2
	case <-over:
		return TimedOut
	}
}

func waitMany(over <-chan time.Time, on []<-chan struct{}) int {
	cases := []reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(over)}}
	for _, ch := range on {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)})
	}
	i, _, _ := reflect.Select(cases)
	return i - 1
}
