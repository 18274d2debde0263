package plog

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/errors/oserror"
	"github.com/pegasus-go/pegasus/internal/host"
)

const (
	// tailBytesMax is the most that a log keeps back: some dozen small blocks are then one write to its file.
	tailBytesMax = 32 << 10
	// tailsMax bounds the logs of a Syncer that keep something back at a time; the others write each block.
	tailsMax = 128
)

// tail is the end of a log's current file that is not written to it yet. The journal has it, or is about to: who tells that a block is
// durable without it calls flush before. Space in the file is reserved, so that a full disk is told before anything is acknowledged.
//
// Once the log has failed, only mend writes to the file: nobody else knows what lies at its end. Both are decided under lock.
type tail struct {
	lock host.Mutex // held while blocks are written to the file, and while it is closed
	buf  []byte     // whole blocks; nil: none was lent
	at   int64      // where they belong
}

// lender lends the logs of a Syncer what their tails lie in.
type lender struct {
	lent atomic.Int64
	pool sync.Pool
}

// get returns an empty buffer, nil when tailsMax are lent.
func (b *lender) get() []byte {
	if b.lent.Add(1) > tailsMax {
		b.lent.Add(-1)
		return nil
	}
	if p, ok := b.pool.Get().(*[tailBytesMax]byte); ok {
		return p[:0]
	}
	return new([tailBytesMax]byte)[:0]
}

func (b *lender) put(buf []byte) {
	b.pool.Put((*[tailBytesMax]byte)(buf[:tailBytesMax]))
	b.lent.Add(-1)
}

// write puts a block at the end of the current file, which is at off, or of the tail when it may wait there.
func (l *Log) write(block []byte, off int64, wait bool) error {
	l.tail.lock.Lock(l.o.Host)
	defer l.tail.lock.Unlock()
	if err := l.Err(); err != nil {
		return err
	}
	if wait && len(block) <= tailBytesMax {
		if l.tail.buf == nil {
			l.tail.buf = l.o.Syncer.tails.get()
		}
		if l.tail.buf != nil {
			if len(l.tail.buf)+len(block) > tailBytesMax {
				if err := l.writeTail(); err != nil {
					return err
				}
			}
			if len(l.tail.buf) == 0 {
				l.tail.at = off
			}
			l.tail.buf = append(l.tail.buf, block...)
			return nil
		}
	}
	if err := l.writeTail(); err != nil {
		return err
	}
	if _, err := l.ioFile.Write(block); err != nil {
		return l.fail(ioErr("write", l.current().path, err))
	}
	return nil
}

// flush makes the file whole: what was appended so far can be read and synced. That it succeeds does not mean that the log has not failed.
func (l *Log) flush() error {
	l.tail.lock.Lock(l.o.Host)
	defer l.tail.lock.Unlock()
	if l.tail.buf == nil {
		return nil
	}
	err := error(nil)
	if l.Err() == nil {
		err = l.writeTail()
	} else {
		err = l.mend()
	}
	if err == nil {
		l.o.Syncer.tails.put(l.tail.buf)
		l.tail.buf = nil
	}
	return err
}

// flushOwn is flush for who is about to write to the file: it fails when the log has.
func (l *Log) flushOwn() error {
	if err := l.flush(); err != nil {
		return err
	}
	return l.Err()
}

// writeTail empties the tail of a log that has not failed. Called with its lock held.
func (l *Log) writeTail() error {
	if len(l.tail.buf) == 0 {
		return nil
	}
	if _, err := l.ioFile.Write(l.tail.buf); err != nil {
		return l.fail(ioErr("write", l.current().path, err))
	}
	l.tail.buf = l.tail.buf[:0]
	return nil
}

// mend writes the tail of a log that has failed, in its place, whatever lies there. Called with the lock held. A file that is gone, or another
// one by now, needs nothing: its directory was given up.
func (l *Log) mend() (err error) {
	f := l.current()
	if len(l.tail.buf) == 0 {
		return nil
	}
	if _, err := l.fs.Stat(f.path); err != nil {
		if oserror.IsNotExist(err) {
			return nil
		}
		return ioErr("stat", f.path, err)
	}
	file, err := l.fs.OpenReadWrite(f.path, writeCategory)
	if err != nil {
		return ioErr("open", f.path, err)
	}
	defer func() { err = errors.Join(err, ioErr("close", f.path, file.Close())) }()
	if !(logID{l.name, f.number, f.born}).is(file) {
		return nil
	}
	_, err = file.WriteAt(l.tail.buf, l.tail.at)
	return ioErr("write", f.path, err)
}
