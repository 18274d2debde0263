package plog

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// cleanLog makes a log of three files that was closed cleanly and returns its entries.
func cleanLog(t *testing.T, fs vfs.FS) []Entry {
	l := mustOpen(t, Options{FS: fs, FileBytesMax: 300})
	for d := int64(1); d <= 12; d++ {
		mustDo(t, appendWait(l, entry(1, d)))
	}
	mustDo(t, l.Close())
	if len(l.files) != 3 {
		t.Fatalf("%d files", len(l.files))
	}
	return entries(1, 1, 12)
}

func openAndReplay(fs vfs.FS) ([]Entry, error) {
	l, err := Open(testDir, Options{FS: fs})
	if err != nil {
		return nil, err
	}
	got, err := replayed(l, 0)
	if err != nil {
		return nil, err
	}
	return got, l.Close()
}

// In a log that was closed cleanly no flipped bit goes unseen: it is reported, or it hit the end mark
// and takes nothing away.
func TestEveryFlippedBitIsReported(t *testing.T) {
	fs := newMem(t)
	want := cleanLog(t, fs)
	for number := uint64(1); number <= 3; number++ {
		original := readFile(t, fs, path(number))
		for at := range original {
			flipped := append([]byte(nil), original...)
			flipped[at] ^= 1 << (at % 8)
			writeFile(t, fs, path(number), flipped)
			got, err := openAndReplay(fs)
			inEndMark := number == 3 && at >= len(original)-blockHeaderLen
			inVersion := at >= 4 && at < 8
			switch {
			case inEndMark:
				if err != nil || text(got) != text(want) {
					t.Fatalf("file %d byte %d in the end mark: %v", number, at, err)
				}
			case err == nil:
				t.Fatalf("file %d byte %d: not noticed, %d entries", number, at, len(got))
			case !IsCorrupt(err) && !inVersion:
				t.Fatalf("file %d byte %d: %v", number, at, err)
			}
			if string(readFile(t, fs, path(number))) != string(flipped) {
				t.Fatalf("file %d byte %d: the damaged file was changed", number, at)
			}
		}
		writeFile(t, fs, path(number), original)
	}
	got, err := openAndReplay(fs)
	mustDo(t, err)
	if text(got) != text(want) {
		t.Fatal("the undamaged log does not replay")
	}
}

// A log that lost power in the middle of its last write: cut at every byte, it gives every block that
// is whole. What a later, whole block proves to have been synced is not cut.
func TestTornTailIsCutAtEveryByte(t *testing.T) {
	fs := newMem(t)
	l := mustOpen(t, Options{FS: fs})
	var ends []int64
	for d := int64(1); d <= 4; d++ {
		mustDo(t, appendWait(l, entry(1, d)))
		ends = append(ends, l.current().end)
	}
	whole := readFile(t, fs, path(1))
	if int64(len(whole)) != ends[3] {
		t.Fatalf("file has %d bytes, blocks end at %v", len(whole), ends)
	}
	for n := range whole {
		for _, tail := range [][]byte{nil, make([]byte, 5000)} { // cut off, or zeros up to the reserved size
			crashed := newMem(t)
			mustDo(t, crashed.MkdirAll(testDir, 0o755))
			writeFile(t, crashed, path(1), append(append([]byte(nil), whole[:n]...), tail...))
			got, err := openAndReplay(crashed)
			mustDo(t, err)
			complete := int64(0)
			for _, end := range ends {
				if int64(n) >= end {
					complete++
				}
			}
			if text(got) != text(entries(1, 1, complete)) {
				t.Fatalf("cut at %d: %d entries, want %d", n, len(got), complete)
			}
		}
	}
	mustDo(t, l.Close())
}

func TestDamageBeforeASyncedBlockIsNotATornTail(t *testing.T) {
	fs := newMem(t)
	l := mustOpen(t, Options{FS: fs})
	for d := int64(1); d <= 3; d++ {
		mustDo(t, appendWait(l, entry(1, d)))
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	mustDo(t, l.Close())
	b := readFile(t, crashed, path(1))
	b[fileHeaderLen+blockHeaderLen] ^= 1
	writeFile(t, crashed, path(1), b)
	if _, err := openAndReplay(crashed); !IsCorrupt(err) {
		t.Fatalf("open: %v", err)
	}
}

func TestBlocksWrittenWithoutSyncMayArriveOutOfOrder(t *testing.T) {
	fs := newMem(t)
	l := mustOpen(t, Options{FS: fs, Sync: SyncNone})
	for d := int64(1); d <= 3; d++ {
		mustDo(t, appendWait(l, entry(1, d)))
	}
	b := readFile(t, fs, path(1))
	clear(b[fileHeaderLen+72 : fileHeaderLen+144]) // the second block never reached the disk, the third did
	crashed := newMem(t)
	mustDo(t, crashed.MkdirAll(testDir, 0o755))
	writeFile(t, crashed, path(1), b)
	got, err := openAndReplay(crashed)
	mustDo(t, err)
	if text(got) != text(entries(1, 1, 1)) {
		t.Fatalf("replay gave %s", text(got))
	}
	mustDo(t, l.Close())
}

func TestMissingFilesAreReported(t *testing.T) {
	for _, c := range []struct {
		remove uint64
		want   bool // corrupt
	}{{1, false}, {2, true}} {
		fs := newMem(t)
		cleanLog(t, fs)
		mustDo(t, fs.Remove(path(c.remove)))
		if _, err := openAndReplay(fs); IsCorrupt(err) != c.want {
			t.Errorf("without file %d: %v", c.remove, err)
		}
	}
}

func TestShortenedFileIsReported(t *testing.T) {
	fs := newMem(t)
	cleanLog(t, fs)
	b := readFile(t, fs, path(2))
	writeFile(t, fs, path(2), b[:len(b)-1])
	if _, err := openAndReplay(fs); !IsCorrupt(err) {
		t.Fatalf("open: %v", err)
	}
}

func TestFileOfAnUnknownVersionIsNotCalledCorrupt(t *testing.T) {
	fs := newMem(t)
	mustDo(t, fs.MkdirAll(testDir, 0o755))
	h := fileHeader{number: 1}
	b, _ := h.encode()
	b[4] = 9
	resealHeader(b[:])
	writeFile(t, fs, path(1), b[:])
	if _, err := openAndReplay(fs); err == nil || IsCorrupt(err) {
		t.Fatalf("open: %v", err)
	}
}

// A damaged last block cannot be told from a torn write, but that something stood there can.
func TestTailCutIsReported(t *testing.T) {
	fs := newMem(t)
	l := mustOpen(t, Options{FS: fs, PreallocBytes: 4096})
	for d := int64(1); d <= 3; d++ {
		mustDo(t, appendWait(l, entry(1, d)))
	}
	image := fs.CrashClone(vfs.CrashCloneCfg{})
	mustDo(t, l.Close())
	whole := readFile(t, image, path(1))

	end := mustOpen(t, Options{FS: image})
	if end.TailCut() || end.LastDecree() != 3 {
		t.Errorf("after a crash between two writes: cut %v, last decree %d", end.TailCut(), end.LastDecree())
	}
	last := end.files[0].end - 1 // the last byte of the last block
	mustDo(t, end.Close())

	whole[last] ^= 1
	writeFile(t, image, path(1), whole)
	hurt := mustOpen(t, Options{FS: image})
	if !hurt.TailCut() || hurt.LastDecree() != 2 {
		t.Errorf("after damage to the last block: cut %v, last decree %d", hurt.TailCut(), hurt.LastDecree())
	}
	mustDo(t, hurt.Close())
}
