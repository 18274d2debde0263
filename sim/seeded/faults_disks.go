package seeded

import (
	"strings"
	"syscall"
	"time"

	"github.com/pegasus-go/pegasus/sim/faultfs"
)

// isLog: the private log is the one place where a task may wait for the disk, and where an error
// meets the same operation in every run: the engine's own files are touched by its goroutines.
func isLog(path string) bool { return strings.Contains(path, "/plog/") }

func (n *nemesis) slowDisk() bool {
	m := n.server()
	if m == nil {
		return false
	}
	node, disk, most := m.node, m.disk, n.c.w.between(5*time.Millisecond, 800*time.Millisecond)
	n.c.note(m.name, "has a slow disk: up to %v", most)
	disk.Delay(func(op faultfs.Op) {
		if op.Kind == faultfs.OpSyncData && isLog(op.Path) && n.c.w.cur != nil && n.c.w.cur.n == node {
			node.Wait(n.c.w.between(0, most))
		}
	})
	n.later(5*time.Second, 60*time.Second, func() { disk.Delay(nil) })
	return true
}

func (n *nemesis) diskError() bool {
	m := n.server()
	if m == nil {
		return false
	}
	disk, kinds := m.disk, []faultfs.Kind{faultfs.OpSyncData}
	if n.c.w.chance(50) {
		kinds = []faultfs.Kind{faultfs.OpWrite, faultfs.OpCreate}
	}
	n.c.note(m.name, "has a disk that refuses %v", kinds)
	disk.Fail(onLog(syscall.EIO, kinds))
	n.later(50*time.Millisecond, 20*time.Second, func() { disk.Fail(nil) })
	return true
}

func (n *nemesis) diskFull() bool {
	m := n.server()
	if m == nil {
		return false
	}
	disk := m.disk
	n.c.note(m.name, "has a full disk")
	disk.Fail(onLog(syscall.ENOSPC, []faultfs.Kind{faultfs.OpWrite, faultfs.OpCreate, faultfs.OpPreallocate}))
	n.later(50*time.Millisecond, 20*time.Second, func() { disk.Fail(nil) })
	return true
}

func onLog(err error, kinds []faultfs.Kind) func(faultfs.Op) error {
	refuse := faultfs.Refuse(err, kinds...)
	return func(op faultfs.Op) error {
		if !isLog(op.Path) {
			return nil
		}
		return refuse(op)
	}
}

// diskLost takes everything from one machine. It, and a flipped bit, happen only while every
// partition is whole: then others have what is lost.
func (n *nemesis) diskLost() bool {
	m := n.server()
	if m == nil || !n.c.whole() {
		return false
	}
	n.c.note(m.name, "loses its disk")
	n.c.kill(m, keepAll)
	m.disk = faultfs.New(faultfs.Options{Now: m.now, CapacityBytes: diskBytes})
	n.c.checks.forget(m)
	n.later(100*time.Millisecond, 60*time.Second, func() { n.c.restart(m) })
	return true
}

func (n *nemesis) flippedBit() bool {
	m := n.server()
	if m == nil || !n.c.whole() {
		return false
	}
	n.c.kill(m, keepAll)
	path, bit, ok := m.disk.RandomBit(n.c.w.rng, "/", func(p string) bool { return isLog(p) || strings.HasSuffix(p, "-info") })
	if ok {
		n.c.note(m.name, "has a flipped bit: %s %d", path, bit)
		if err := m.disk.FlipBit(path, bit); err != nil {
			n.c.w.fail("flip bit %d of %s: %v", bit, path, err)
		}
		n.c.checks.forget(m)
		m.hurt = true
	}
	n.later(100*time.Millisecond, 10*time.Second, func() { n.c.restart(m) })
	return ok
}
