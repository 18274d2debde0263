package faultfs

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// Kind is an operation on the disk.
type Kind uint8

// The operations. ReuseForWrite is a Rename and an Open; opening for reading and writing what is not there is a Create.
const (
	OpCreate Kind = iota
	OpOpen
	OpRead
	OpReadAt
	OpWrite
	OpWriteAt
	OpSync
	OpSyncData
	OpSyncTo
	OpPreallocate
	OpClose
	OpRename
	OpLink
	OpRemove
	OpRemoveAll
	OpMkdir
	OpList
	OpStat
	OpLock
	OpUsage
	kinds
)

var kindNames = [kinds]string{
	"create", "open", "read", "readat", "write", "writeat", "sync", "syncdata", "syncto", "preallocate", "close",
	"rename", "link", "remove", "removeall", "mkdir", "list", "stat", "lock", "usage",
}

func (k Kind) String() string { return kindNames[k] }

// Kinds lists all operations.
func Kinds() (all []Kind) {
	for k := range kinds {
		all = append(all, k)
	}
	return all
}

// Changes says whether the operation writes: a disk gone read-only or full refuses it.
func (k Kind) Changes() bool {
	switch k {
	case OpOpen, OpRead, OpReadAt, OpList, OpStat, OpClose, OpUsage:
		return false
	}
	return true
}

// Op is one operation, as hooks see it.
type Op struct {
	Kind   Kind
	Path   string // of a handle: the name it was opened under
	To     string // of rename and link
	Offset int64  // of reads and writes
	Bytes  int
}

func (o Op) String() string {
	s := o.Kind.String() + " " + o.Path
	if o.To != "" {
		s += " -> " + o.To
	}
	switch o.Kind {
	case OpRead, OpReadAt, OpWrite, OpWriteAt:
		s += fmt.Sprintf(" [%d, +%d)", o.Offset, o.Bytes)
	}
	return s
}

// Short, returned by a hook, lets a read or write do its first Bytes and then fail with Err. Other operations fail
// with Err at once.
type Short struct {
	Bytes int
	Err   error
}

func (s *Short) Error() string { return fmt.Sprintf("short after %d bytes: %v", s.Bytes, s.Err) }
func (s *Short) Unwrap() error { return s.Err }

// Fail sets the hook that is called before each operation and may refuse it by returning an error (the operation then
// fails with it, wrapped as the operating system does); nil takes it away. Closing a file cannot be refused, and never
// leaves it open, but its error is reported. Calls come from every goroutine that uses the disk.
func (d *Disk) Fail(hook func(Op) error) {
	if hook == nil {
		d.fault.Store(nil)
		return
	}
	d.fault.Store(&hook)
}

// Delay sets the hook that is called before each operation, and before that of Fail, to make it take its time.
func (d *Disk) Delay(hook func(Op)) {
	if hook == nil {
		d.delay.Store(nil)
		return
	}
	d.delay.Store(&hook)
}

// Refuse is a hook for Fail: every operation of these kinds fails with err; no kinds means all that change the disk.
func Refuse(err error, of ...Kind) func(Op) error {
	return func(op Op) error {
		if len(of) == 0 && op.Kind.Changes() {
			return err
		}
		for _, k := range of {
			if k == op.Kind {
				return err
			}
		}
		return nil
	}
}

// begin counts an operation and asks the hooks.
func (d *Disk) begin(op Op) error {
	d.counts[op.Kind].Add(1)
	if delay := d.delay.Load(); delay != nil {
		(*delay)(op)
	}
	if fault := d.fault.Load(); fault != nil {
		return (*fault)(op)
	}
	return nil
}

// Counts is how many operations of each kind were asked for.
type Counts [kinds]int64

// Counts since the disk was made. A crash begins at zero.
func (d *Disk) Counts() (c Counts) {
	for k := range c {
		c[k] = d.counts[k].Load()
	}
	return c
}

// Of one kind.
func (c Counts) Of(k Kind) int64 { return c[k] }

// Sum over all kinds.
func (c Counts) Sum() (n int64) {
	for _, v := range c {
		n += v
	}
	return n
}

func (c Counts) String() string {
	var parts []string
	for k, v := range c {
		if v > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", Kind(k), v))
		}
	}
	return strings.Join(parts, ", ")
}

// Nth is a hook for Fail: it calls do at the n-th operation of a kind (from 1 on), once, and fails the operation with
// what that returns. Fired says whether it came to that.
type Nth struct {
	Kind Kind
	N    int64
	Do   func(Op) error

	seen atomic.Int64
}

// Hook is the hook.
func (n *Nth) Hook(op Op) error {
	if op.Kind == n.Kind && n.seen.Add(1) == n.N {
		return n.Do(op)
	}
	return nil
}

// Fired says whether the operation was reached.
func (n *Nth) Fired() bool { return n.seen.Load() >= n.N }
