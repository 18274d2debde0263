package zkmeta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/internal/fuzz"
)

// resealed makes the checksums of a file's header and of all frames in line right, so that the fuzzer
// gets past them.
func resealed(b []byte, kind uint32) []byte {
	b = slices.Clone(b)
	if len(b) < headerBytes {
		return b
	}
	le := binary.LittleEndian
	copy(b, fileMagic)
	le.PutUint32(b[8:], fileVersion)
	le.PutUint32(b[12:], kind)
	le.PutUint32(b[32:], crc32.Checksum(b[:32], castagnoli))
	salt := le.Uint64(b[16:])
	for rest := b[headerBytes:]; len(rest) >= frameHeader; {
		copy(rest, frameMagic)
		n := int(le.Uint32(rest[4:]))
		if n > len(rest)-frameHeader {
			n = len(rest) - frameHeader
			le.PutUint32(rest[4:], uint32(n))
		}
		le.PutUint32(rest[16:], frameSum(salt, le.Uint64(rest[8:]), rest[frameHeader:frameHeader+n]))
		rest = rest[frameHeader+n:]
	}
	return b
}

// classed fails for an error that does not say what kind of trouble it is.
func classed(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("an error without a class: %v", err)
	}
}

// FuzzOpenJournal: no bytes on disk make opening panic, and a log that is not what was written never
// yields half a step.
func FuzzOpenJournal(f *testing.F) {
	h := fileHeader{kind: kindLog, salt: 1}
	good := h.append(nil)
	for i := 1; i <= 3; i++ {
		good = appendFrame(good, 1, uint64(i), stepPayload(i))
	}
	f.Add(good, false)
	f.Add(good[:len(good)-3], false)
	f.Add(good, true)
	f.Add([]byte(fileMagic), false)
	f.Fuzz(func(t *testing.T, log []byte, reseal bool) {
		if reseal {
			log = resealed(log, kindLog)
		}
		fs := vfs.NewMem()
		fs.MkdirAll(testDir, 0o755)
		j, _ := mustOpen(t, fs)
		name := logName(j.generation)
		j.close()
		writeAll(t, fs, fs.PathJoin(testDir, name), log)
		var tr *tree
		var err error
		fuzz.Bounded(t, len(log), func() { j, tr, err = openJournal(fs, testDir, testBytesMax, quiet) })
		classed(t, err)
		if err != nil {
			return
		}
		held := dump(tr)
		j.close()
		if _, again := mustOpen(t, fs); dump(again) != held {
			t.Fatalf("%s\nbecame\n%s", held, dump(again))
		}
	})
}

// FuzzSnapshot loads a snapshot of any content: it is refused with its reason, or it is the whole state,
// which is the same after it was written again.
func FuzzSnapshot(f *testing.F) {
	payload := appendOp(nil, Op{Kind: OpSet, Path: "/", Data: []byte("root")})
	payload = appendOp(payload, Op{Kind: OpCreate, Path: "/a", Data: []byte("1")})
	payload = appendOp(payload, Op{Kind: OpCreate, Path: "/a/b"})
	good := appendFrame(fileHeader{kind: kindSnapshot, salt: 7, sequence: 9}.append(nil), 7, 1, payload)
	good = appendFrame(good, 7, 2, binary.AppendUvarint([]byte{endOfSnapshot}, 2))
	f.Add(good, false)
	f.Add(good, true)
	f.Add(good[:len(good)-1], false)
	f.Fuzz(func(t *testing.T, b []byte, reseal bool) {
		if reseal {
			b = resealed(b, kindSnapshot)
		}
		tr, j := newTree(testBytesMax), &journal{}
		var err error
		fuzz.Bounded(t, len(b), func() {
			tr = newTree(testBytesMax)
			err = j.loadSnapshot(tr, b)
		})
		classed(t, err)
		if err != nil {
			return
		}
		fs := vfs.NewMem()
		file, err := fs.Create("s", vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.encodeSnapshot(tr, file); err != nil {
			t.Fatal(err)
		}
		file.Close()
		again := newTree(testBytesMax)
		if err := j.loadSnapshot(again, readAll(t, fs, "s")); err != nil || dump(again) != dump(tr) {
			t.Fatalf("%v\n%s\nbecame\n%s", err, dump(tr), dump(again))
		}
	})
}

// FuzzOps decodes the operations of a frame: what decodes is encoded to the same bytes, where lengths
// have their shortest form.
func FuzzOps(f *testing.F) {
	f.Add(stepPayload(1))
	f.Add([]byte{1, 0x80, 0x80, 0x80, 0x80, 0x10})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var ops []Op
		var err error
		fuzz.Bounded(t, len(payload), func() { ops, err = readOps(payload) })
		classed(t, err)
		if err != nil {
			return
		}
		var again []byte
		for _, op := range ops {
			again = appendOp(again, op)
		}
		if len(again) > len(payload) || len(again) == len(payload) && !bytes.Equal(again, payload) {
			t.Fatalf("%x became %x", payload, again)
		}
		_ = newTree(testBytesMax).applyAll(ops)
	})
}
