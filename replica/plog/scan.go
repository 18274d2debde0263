package plog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// damage is a place where no readable block begins.
type damage struct {
	offset int64
	reason string
}

func (d *damage) Error() string { return fmt.Sprintf("offset %d: %s", d.offset, d.reason) }

func (d *damage) in(path string) *CorruptError {
	return &CorruptError{File: path, Offset: d.offset, Reason: d.reason}
}

// scanner walks the blocks of one file. Everything it returns was checked against the block's crc and
// points into its buffer, valid until the next call.
type scanner struct {
	file   vfs.File
	path   string
	number uint64
	off    int64 // of the next block
	limit  int64 // no byte from here on is read
	chain  uint32
	// linked: chain is known and has to match. A scan that starts inside the file learns it from the first block.
	linked bool

	buf   []byte // file bytes from bufAt on
	bufAt int64
}

// window returns n bytes at off, fewer where the file ends.
func (s *scanner) window(off, n int64) ([]byte, error) {
	n = min(n, s.limit-off)
	if n <= 0 {
		return nil, nil
	}
	if off >= s.bufAt && off+n <= s.bufAt+int64(len(s.buf)) {
		return s.buf[off-s.bufAt:][:n], nil
	}
	want := min(max(n, scanBytes), s.limit-off)
	if int64(cap(s.buf)) < want {
		s.buf = make([]byte, want)
	}
	s.buf = s.buf[:want]
	s.bufAt = off
	got, err := s.file.ReadAt(s.buf, off)
	s.buf = s.buf[:got]
	if err != nil && err != io.EOF {
		return nil, ioErr("read", s.path, err)
	}
	return s.buf[:min(n, int64(got))], nil
}

// next returns the header and body of the next block: io.EOF at the limit, *damage where there is no
// valid block, *IOError when the disk fails.
func (s *scanner) next() (blockHeader, []byte, error) {
	if s.off == s.limit {
		return blockHeader{}, nil, io.EOF
	}
	h, body, reason, err := s.blockAt(s.off)
	if err != nil {
		return h, nil, err
	}
	if reason == "" && s.linked && h.chain != s.chain {
		reason = "block does not continue the one before it"
	}
	if reason != "" {
		return h, nil, &damage{offset: s.off, reason: reason}
	}
	s.chain, s.linked = h.crc, true
	s.off += blockHeaderLen + h.body
	return h, body, nil
}

// blockAt reads the block at off whatever its chain; reason says why there is none.
func (s *scanner) blockAt(off int64) (h blockHeader, body []byte, reason string, err error) {
	b, err := s.window(off, blockHeaderLen)
	if err != nil {
		return h, nil, "", err
	}
	if len(b) < blockHeaderLen {
		return h, nil, "block header is cut off", nil
	}
	h, ok := decodeBlockHeader(b, s.number, off)
	if !ok {
		return h, nil, "no block begins here", nil
	}
	b, err = s.window(off, blockHeaderLen+h.body)
	if err != nil {
		return h, nil, "", err
	}
	if int64(len(b)) < blockHeaderLen+h.body {
		return h, nil, "block is cut off", nil
	}
	if crc32.Checksum(b[8:], castagnoli) != h.crc {
		return h, nil, "block has a wrong checksum", nil
	}
	return h, b[blockHeaderLen:], "", nil
}

// provesSynced reports whether a block behind a damaged one at off says that off was on disk when it was written.
func (s *scanner) provesSynced(off int64) (bool, error) {
	_, found, err := s.proofOfSync(off)
	return found, err
}

// proofOfSync finds the first block behind off which says that off was on disk when it was written.
func (s *scanner) proofOfSync(off int64) (at int64, found bool, err error) {
	var magic [4]byte
	binary.LittleEndian.PutUint32(magic[:], blockMagic)
	for at = off + 1; at < s.limit; {
		b, err := s.window(at, scanBytes)
		if err != nil {
			return 0, false, err
		}
		i := bytes.Index(b, magic[:])
		if i < 0 {
			if len(b) < len(magic) {
				return 0, false, nil
			}
			at += int64(len(b) - len(magic) + 1)
			continue
		}
		at += int64(i)
		h, _, reason, err := s.blockAt(at)
		if err != nil {
			return 0, false, err
		}
		if reason == "" && h.synced > off {
			return at, true, nil
		}
		at++
	}
	return 0, false, nil
}

// used reports whether anything was ever written from off on: preallocated space reads as zeros.
func (s *scanner) used(off int64) (bool, error) {
	for at := off; at < s.limit; {
		b, err := s.window(at, scanBytes)
		if err != nil {
			return false, err
		}
		if len(b) == 0 {
			return false, nil
		}
		if len(bytes.Trim(b, "\x00")) > 0 {
			return true, nil
		}
		at += int64(len(b))
	}
	return false, nil
}

// eachEntry decodes the entries of a block whose checksum was right.
func eachEntry(h blockHeader, body []byte, fn func(Entry) error) error {
	at := h.offset + blockHeaderLen
	total := len(body)
	for n := uint32(0); n < h.entries; n++ {
		e, rest, err := nextEntry(body)
		if err != nil {
			return &damage{offset: at + int64(total-len(body)), reason: err.Error()}
		}
		if err := fn(e); err != nil {
			return err
		}
		body = rest
	}
	if len(body) > 0 {
		return &damage{offset: at + int64(total-len(body)), reason: fmt.Sprintf("%d bytes after the last entry", len(body))}
	}
	return nil
}
