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
type tail struct {
	lock host.Mutex // held while the file is written to
	buf  []byte     // whole blocks; nil: none was lent
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

// write puts a block at the end of the current file, or of the tail when it may wait there.
func (l *Log) write(block []byte, wait bool) error {
	l.tail.lock.Lock(l.o.Host)
	defer l.tail.lock.Unlock()
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
			l.tail.buf = append(l.tail.buf, block...)
			return nil
		}
	}
	if err := l.writeTail(); err != nil {
		return err
	}
	_, err := l.ioFile.Write(block)
	return ioErr("write", l.current().path, err)
}

// flush makes the file whole: what was appended so far can be read and synced.
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

// writeTail empties the tail. Called with its lock held; an error fails the log before somebody else takes the lock.
func (l *Log) writeTail() error {
	if len(l.tail.buf) == 0 {
		return nil
	}
	if err := l.Err(); err != nil {
		return err
	}
	if _, err := l.ioFile.Write(l.tail.buf); err != nil {
		return l.fail(ioErr("write", l.current().path, err))
	}
	l.tail.buf = l.tail.buf[:0]
	return nil
}

// mend writes the tail of a log that has failed, in its place, whatever lies there. Called with the lock held. A file that is gone, or another
// one by now, needs nothing.
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
	_, err = file.WriteAt(l.tail.buf, f.end-int64(len(l.tail.buf)))
	return ioErr("write", f.path, err)
}
