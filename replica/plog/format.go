package plog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
)

// Sizes and marks of the file format, version 1. All integers are little-endian.
//
// File header, 64 bytes:
//
//	0 magic u32, 4 version u32, 8 number u64, 16 previous number u64 (0: none), 24 previous end u32,
//	28 previous chain u32, 32 after decree i64, 40 previous minimum decree i64, 48 flags u32, 52 born u64, 60 crc u32
//
// Block header, 40 bytes, then the entries:
//
//	0 magic u32, 4 crc u32 (of all that follows), 8 body bytes u32, 12 entries u32, 16 offset u32,
//	20 synced u32, 24 chain u32 (crc of the block before, of the file header for the first), 28 flags u32, 32 file number u64
//
// Entry: ballot i64, decree i64, data bytes u32, data.
const (
	fileMagic     = 0x474f4c50 // "PLOG"
	blockMagic    = 0x4b4c4250 // "PBLK"
	formatVersion = 1

	fileHeaderLen  = 64
	blockHeaderLen = 40
	entryHeaderLen = 20

	// flagReset in a file header: every file before this one is dropped.
	flagReset = 1
	// flagJournal in a file header: a file of a Journal, whose blocks hold redo records.
	flagJournal = 2
	// flagFree in a file header: of a Journal's file whose blocks nobody needs any more.
	flagFree = 4
	// flagEnd in a block: the log was closed cleanly here; no entries, nothing follows.
	flagEnd = 1
)

// noDecree is the minimum decree of a file without entries.
const noDecree = math.MaxInt64

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileHeader says where a file stands among the others.
type fileHeader struct {
	number     uint64
	prevNumber uint64 // 0: no predecessor
	prevEnd    int64  // valid bytes of the predecessor
	prevChain  uint32 // crc of the predecessor's last block
	// afterDecree is the highest decree in all files before this one, or the decree given to Reset.
	afterDecree int64
	prevMin     int64 // lowest decree in the predecessor; noDecree when it has no entry
	// born is the position of the disk's Journal when the file was begun: it tells the file from another one of the
	// same name, in a directory that was removed and made again. 0: there was no journal, and none has blocks of it.
	born  uint64
	flags uint32
}

func (h *fileHeader) reset() bool { return h.flags&flagReset != 0 }

func (h *fileHeader) encode() (b [fileHeaderLen]byte, chain uint32) {
	le := binary.LittleEndian
	le.PutUint32(b[0:], fileMagic)
	le.PutUint32(b[4:], formatVersion)
	le.PutUint64(b[8:], h.number)
	le.PutUint64(b[16:], h.prevNumber)
	le.PutUint32(b[24:], uint32(h.prevEnd))
	le.PutUint32(b[28:], h.prevChain)
	le.PutUint64(b[32:], uint64(h.afterDecree))
	le.PutUint64(b[40:], uint64(h.prevMin))
	le.PutUint32(b[48:], h.flags)
	le.PutUint64(b[52:], h.born)
	chain = crc32.Checksum(b[:60], castagnoli)
	le.PutUint32(b[60:], chain)
	return b, chain
}

// decodeFileHeader returns the header and the chain that the first block continues. A version that
// this program does not know is told apart from damage.
func decodeFileHeader(b []byte) (h fileHeader, chain uint32, err error) {
	le := binary.LittleEndian
	if len(b) < fileHeaderLen {
		return h, 0, fmt.Errorf("file header has %d of %d bytes", len(b), fileHeaderLen)
	}
	chain = le.Uint32(b[60:])
	if le.Uint32(b) != fileMagic || crc32.Checksum(b[:60], castagnoli) != chain {
		return h, 0, fmt.Errorf("file header has a wrong magic or checksum")
	}
	if v := le.Uint32(b[4:]); v != formatVersion {
		return h, 0, &versionError{version: v}
	}
	h = fileHeader{
		number:      le.Uint64(b[8:]),
		prevNumber:  le.Uint64(b[16:]),
		prevEnd:     int64(le.Uint32(b[24:])),
		prevChain:   le.Uint32(b[28:]),
		afterDecree: int64(le.Uint64(b[32:])),
		prevMin:     int64(le.Uint64(b[40:])),
		flags:       le.Uint32(b[48:]),
		born:        le.Uint64(b[52:]),
	}
	return h, chain, nil
}

type versionError struct{ version uint32 }

func (e *versionError) Error() string {
	return fmt.Sprintf("format version %d is not known", e.version)
}

// blockHeader precedes the entries of one write.
type blockHeader struct {
	crc     uint32
	body    int64 // bytes
	entries uint32
	offset  int64
	synced  int64 // bytes of this file that were on disk, there or in the journal, when the block was written
	chain   uint32
	end     bool
	number  uint64
}

// sealBlock fills the first blockHeaderLen bytes of block, whose body follows, and returns its crc.
func sealBlock(block []byte, h blockHeader) uint32 {
	le := binary.LittleEndian
	le.PutUint32(block[0:], blockMagic)
	le.PutUint32(block[8:], uint32(len(block)-blockHeaderLen))
	le.PutUint32(block[12:], h.entries)
	le.PutUint32(block[16:], uint32(h.offset))
	le.PutUint32(block[20:], uint32(h.synced))
	le.PutUint32(block[24:], h.chain)
	flags := uint32(0)
	if h.end {
		flags = flagEnd
	}
	le.PutUint32(block[28:], flags)
	le.PutUint64(block[32:], h.number)
	crc := crc32.Checksum(block[8:], castagnoli)
	le.PutUint32(block[4:], crc)
	return crc
}

// decodeBlockHeader reads the header alone; b has at least blockHeaderLen bytes. ok is false when the
// bytes cannot be the header of a block of this file at this offset.
func decodeBlockHeader(b []byte, number uint64, offset int64) (h blockHeader, ok bool) {
	le := binary.LittleEndian
	h = blockHeader{
		crc:     le.Uint32(b[4:]),
		body:    int64(le.Uint32(b[8:])),
		entries: le.Uint32(b[12:]),
		offset:  int64(le.Uint32(b[16:])),
		synced:  int64(le.Uint32(b[20:])),
		chain:   le.Uint32(b[24:]),
		end:     le.Uint32(b[28:])&flagEnd != 0,
		number:  le.Uint64(b[32:]),
	}
	return h, le.Uint32(b) == blockMagic && h.number == number && h.offset == offset
}

func appendEntry(dst []byte, e *Entry) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint64(dst, uint64(e.Ballot))
	dst = le.AppendUint64(dst, uint64(e.Decree))
	dst = le.AppendUint32(dst, uint32(len(e.Data)))
	return append(dst, e.Data...)
}

// nextEntry takes one entry off body; its Data points into body.
func nextEntry(body []byte) (e Entry, rest []byte, err error) {
	if len(body) < entryHeaderLen {
		return e, nil, fmt.Errorf("entry header has %d of %d bytes", len(body), entryHeaderLen)
	}
	le := binary.LittleEndian
	n := int64(le.Uint32(body[16:]))
	if n > int64(len(body)-entryHeaderLen) {
		return e, nil, fmt.Errorf("entry of %d bytes in a block with %d left", n, len(body)-entryHeaderLen)
	}
	e.Ballot = int64(le.Uint64(body))
	e.Decree = int64(le.Uint64(body[8:]))
	end := entryHeaderLen + n
	e.Data = body[entryHeaderLen:end:end]
	return e, body[end:], nil
}

const (
	filePrefix    = "plog."
	recycledName  = "recycled."
	nameDigits    = 12
	numberBase    = 10
	numberBitSize = 64
)

func fileName(number uint64) string { return fmt.Sprintf("%s%0*d", filePrefix, nameDigits, number) }
func recycledFile(number uint64) string {
	return fmt.Sprintf("%s%0*d", recycledName, nameDigits, number)
}

func parseName(name, prefix string) (number uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok || len(digits) < nameDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, numberBase, numberBitSize)
	return n, err == nil && n > 0
}
