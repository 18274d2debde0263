package plog

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/internal/fuzz"
)

func resealHeader(b []byte) {
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
}

// FuzzOpen gives a file of any content to Open and Replay: they end with an error or with entries that
// fit into the file, and what they gave once they give again.
func FuzzOpen(f *testing.F) {
	fs := newMem(f)
	l := mustOpen(f, Options{FS: fs})
	mustDo(f, appendWait(l, entries(1, 1, 3)...))
	mustDo(f, appendWait(l, entries(2, 3, 4)...))
	mustDo(f, l.Close())
	good := readFile(f, fs, path(1))
	f.Add(good, true)
	f.Add(good[:len(good)-50], false)
	f.Add(good[:fileHeaderLen], true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, b []byte, reseal bool) {
		b = append([]byte(nil), b...)
		if reseal { // let the fuzzer get past the checksums
			resealAll(b)
		}
		fs := vfs.NewMem()
		mustDo(t, fs.MkdirAll(testDir, 0o755))
		writeFile(t, fs, path(1), b)
		var got []Entry
		var err error
		fuzz.Bounded(t, len(b), func() { got, err = openAndReplay(fs) })
		if err != nil {
			return
		}
		size := 0
		for _, e := range got {
			size += entryHeaderLen + len(e.Data)
		}
		if size > len(b) {
			t.Fatalf("%d bytes of entries in a file of %d", size, len(b))
		}
		again, err := openAndReplay(fs)
		if err != nil || text(again) != text(got) {
			t.Fatalf("second open: %v", err)
		}
	})
}

// resealAll makes the checksums of the header and of every block that follows in line right.
func resealAll(b []byte) {
	if len(b) < fileHeaderLen {
		return
	}
	le := binary.LittleEndian
	le.PutUint32(b, fileMagic)
	le.PutUint32(b[4:], formatVersion)
	resealHeader(b)
	chain := le.Uint32(b[60:])
	for at := fileHeaderLen; at+blockHeaderLen <= len(b); {
		block := b[at:]
		body := int64(le.Uint32(block[8:]))
		if body > int64(len(block)-blockHeaderLen) {
			return
		}
		block = block[:blockHeaderLen+body]
		le.PutUint32(block, blockMagic)
		le.PutUint32(block[16:], uint32(at))
		le.PutUint32(block[24:], chain)
		copy(block[32:], b[8:16])
		chain = crc32.Checksum(block[8:], castagnoli)
		le.PutUint32(block[4:], chain)
		at += len(block)
	}
}
