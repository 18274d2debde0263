package plog

import (
	"sync"
	"sync/atomic"

	"github.com/pegasus-go/pegasus/internal/host"
)

const (
	// tailBytesMax is the most that a log keeps back: some dozen small blocks are then one write to its file.
	tailBytesMax = 32 << 10
	// tailsMax bounds the logs of a Syncer that keep something back at a time; the others write each block.
	tailsMax = 512
)

// tail is the end of a log's current file that is not written to it yet. The journal has it, or is about to: who tells that a block is
// durable without it calls flush before. Space in the file is reserved, so that a full disk is told before anything is acknowledged.
//
// Once the log has failed nothing is written to the file: nobody knows what lies at its end. Opened again, it gets the blocks from the journal.
type tail struct {
	lock host.Mutex // held while blocks are written to the file, and while it is closed
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

// flush makes the file whole: what was appended so far can be read and synced. A log that has failed writes nothing more.
func (l *Log) flush() error {
	l.tail.lock.Lock(l.o.Host)
	defer l.tail.lock.Unlock()
	if len(l.tail.buf) > 0 {
		if err := l.Err(); err != nil {
			return err
		}
		if err := l.writeTail(); err != nil {
			return err
		}
	}
	l.giveTailBack()
	return nil
}

// writeTail empties the tail. Called with its lock held.
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

// dropTail forgets what the file has by now, or does not need any more.
func (l *Log) dropTail() {
	l.tail.lock.Lock(l.o.Host)
	defer l.tail.lock.Unlock()
	l.giveTailBack()
}

func (l *Log) giveTailBack() {
	if l.tail.buf != nil {
		l.o.Syncer.tails.put(l.tail.buf)
		l.tail.buf = nil
	}
}
