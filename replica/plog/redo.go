package plog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// record is a block of a log as the journal holds it:
//
//	name length u16, name, file number u64, born u64, offset u32, block bytes u32, block
//
// A log file with this number and birth holds the block at this offset, or lost it: files are only appended to, so that writing
// it again is always right.
type record struct {
	name         string
	number, born uint64
	offset       int64
	block        []byte
}

const (
	nameBytesMax    = 256
	recordHeaderMax = 2 + nameBytesMax + 8 + 8 + 4 + 4
)

func appendRecord(dst []byte, r record) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint16(dst, uint16(len(r.name)))
	dst = append(dst, r.name...)
	dst = le.AppendUint64(dst, r.number)
	dst = le.AppendUint64(dst, r.born)
	dst = le.AppendUint32(dst, uint32(r.offset))
	dst = le.AppendUint32(dst, uint32(len(r.block)))
	return append(dst, r.block...)
}

var errRecord = errors.New("record of the journal is cut off")

// nextRecord takes one record off body; its block points into body.
func nextRecord(body []byte) (r record, rest []byte, err error) {
	le := binary.LittleEndian
	if len(body) < 2 {
		return r, nil, errRecord
	}
	n := int(le.Uint16(body))
	if len(body) < 2+n+24 {
		return r, nil, errRecord
	}
	r.name = string(body[2 : 2+n])
	body = body[2+n:]
	r.number, r.born, r.offset = le.Uint64(body), le.Uint64(body[8:]), int64(le.Uint32(body[16:]))
	size := int64(le.Uint32(body[20:]))
	if body = body[24:]; size > int64(len(body)) {
		return r, nil, errRecord
	}
	r.block = body[:size:size]
	return r, body[size:], nil
}

// logID names a log file for good.
type logID struct {
	name         string
	number, born uint64
}

// patch is a block of a log file that stands in the journal.
type patch struct {
	offset int64 // in the log file
	bytes  int64
	source string // path of the journal's file
	at     int64  // there
}

// redo is what the journal holds.
type redo struct {
	fs        vfs.FS
	root      string
	files     []string // of the journal, all
	number    uint64   // the highest seen
	order     []logID
	patches   map[logID][]patch
	unread    int // places at which the journal itself is damaged
	bytesRead int64
}

// readJournal finds what the files in dir hold. Damage in them is counted and passed over.
func readJournal(fs vfs.FS, dir, root string) (*redo, error) {
	r := &redo{fs: fs, root: root, patches: map[logID][]patch{}}
	names, err := fs.List(dir)
	if oserror.IsNotExist(err) {
		return r, nil
	}
	if err != nil {
		return nil, ioErr("list", dir, err)
	}
	var sources []*source
	for _, name := range names {
		if _, ok := parseName(name, journalPrefix); !ok {
			continue
		}
		s, err := r.identify(fs.PathJoin(dir, name))
		if err != nil {
			return nil, err
		}
		r.files = append(r.files, s.path)
		r.number = max(r.number, s.number)
		if !s.free {
			sources = append(sources, s)
		}
	}
	slices.Sort(r.files)
	slices.SortFunc(sources, func(a, b *source) int { return cmp.Compare(a.number, b.number) })
	for _, s := range sources {
		if err := r.scan(s); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// source is a file of the journal.
type source struct {
	path   string
	number uint64
	chain  uint32
	linked bool
	free   bool
}

// identify reads the header. When it is damaged, the first block tells the number as well.
func (r *redo) identify(path string) (*source, error) {
	file, err := r.fs.Open(path)
	if err != nil {
		return nil, ioErr("open", path, err)
	}
	defer file.Close()
	var b [fileHeaderLen + blockHeaderLen]byte
	n, err := file.ReadAt(b[:], 0)
	if err != nil && err != io.EOF {
		return nil, ioErr("read", path, err)
	}
	h, chain, err := decodeFileHeader(b[:min(n, fileHeaderLen)])
	var version *versionError
	if errors.As(err, &version) {
		return nil, fmt.Errorf("plog: open %s: %w", path, err)
	}
	if err == nil && h.flags&flagJournal != 0 {
		return &source{path: path, number: h.number, chain: chain, linked: true, free: h.flags&flagFree != 0}, nil
	}
	s := &source{path: path, free: true}
	if len(bytes.Trim(b[:n], "\x00")) == 0 {
		return s, nil
	}
	r.unread++
	if n == len(b) && binary.LittleEndian.Uint32(b[fileHeaderLen:]) == blockMagic {
		s.number, s.free = binary.LittleEndian.Uint64(b[fileHeaderLen+32:]), false
	}
	return s, nil
}

// scan collects the records of a file. A torn end is what a crash leaves; damage before a block that was written after a
// sync is counted.
func (r *redo) scan(s *source) error {
	file, err := r.fs.Open(s.path)
	if err != nil {
		return ioErr("open", s.path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return ioErr("stat", s.path, err)
	}
	sc := &scanner{file: file, path: s.path, number: s.number, off: fileHeaderLen, limit: info.Size(), chain: s.chain, linked: s.linked}
	for {
		h, body, err := sc.next()
		var hurt *damage
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &hurt):
			at, found, err := sc.proofOfSync(hurt.offset)
			if err != nil || !found {
				return err
			}
			r.unread++
			sc.off, sc.linked = at, false
			continue
		case err != nil:
			return err
		}
		r.bytesRead += blockHeaderLen + h.body
		if err := r.collect(s, h, body); err != nil {
			r.unread++
		}
	}
}

func (r *redo) collect(s *source, h blockHeader, body []byte) error {
	end := h.offset + blockHeaderLen + h.body
	for range h.entries {
		rec, rest, err := nextRecord(body)
		if err != nil {
			return err
		}
		id := logID{rec.name, rec.number, rec.born}
		if r.patches[id] == nil {
			r.order = append(r.order, id)
		}
		n := int64(len(rec.block))
		r.patches[id] = append(r.patches[id], patch{offset: rec.offset, bytes: n, source: s.path, at: end - int64(len(rest)) - n})
		body = rest
	}
	return nil
}

// path of a log file under the root.
func (r *redo) path(id logID) string {
	return r.fs.PathJoin(r.root, id.name, fileName(id.number))
}

// is reports whether an open file is the one that id names. One that was begun and not finished, in the same place, has no header.
func (id logID) is(file vfs.File, path string) (bool, error) {
	var b [fileHeaderLen]byte
	n, err := file.ReadAt(b[:], 0)
	if err != nil && err != io.EOF {
		return false, ioErr("read", path, err)
	}
	if len(bytes.Trim(b[:n], "\x00")) == 0 {
		return false, nil
	}
	h, _, err := decodeFileHeader(b[:n])
	var version *versionError
	switch {
	case errors.As(err, &version):
		return false, fmt.Errorf("plog: open %s: %w", path, err)
	case err != nil:
		return false, &CorruptError{File: path, Reason: err.Error()}
	}
	return h.number == id.number && h.born == id.born, nil
}

// syncGone makes it durable that a file is not there.
func syncGone(fs vfs.FS, path string) error {
	for dir := fs.PathDir(path); ; dir = fs.PathDir(dir) {
		if err := syncDir(fs, dir); !oserror.IsNotExist(err) {
			return err
		}
	}
}

// apply writes the blocks that the journal has to their log file and syncs it, also those that can be read there: they may be in memory only,
// after a sync that failed. A file that is not there, or another one by now, needs nothing.
func (r *redo) apply(id logID) (written int64, err error) {
	path := r.path(id)
	if _, err := r.fs.Stat(path); err != nil {
		if oserror.IsNotExist(err) {
			return 0, syncGone(r.fs, path)
		}
		return 0, ioErr("stat", path, err)
	}
	file, err := r.fs.OpenReadWrite(path, writeCategory)
	if err != nil {
		return 0, ioErr("open", path, err)
	}
	defer func() { err = errors.Join(err, ioErr("close", path, file.Close())) }()
	if same, err := id.is(file, path); err != nil || !same {
		return 0, errors.Join(err, syncGone(r.fs, path))
	}
	blocks := blockReader{fs: r.fs}
	defer blocks.close()
	for _, p := range r.patches[id] {
		block, err := blocks.read(p)
		if err != nil {
			return written, err
		}
		if h, ok := decodeBlockHeader(block, id.number, p.offset); !ok || crc32.Checksum(block[8:], castagnoli) != h.crc {
			return written, &CorruptError{File: p.source, Offset: p.at, Reason: "block of " + path + " has a wrong checksum"}
		}
		if _, err := file.WriteAt(block, p.offset); err != nil {
			return written, ioErr("write", path, err)
		}
		written += p.bytes
	}
	return written, ioErr("sync", path, file.SyncData())
}

// applyAll applies what there is of all files of a log.
func (r *redo) applyAll(name string) error {
	for _, id := range r.order {
		if id.name != name {
			continue
		}
		if _, err := r.apply(id); err != nil {
			return fmt.Errorf("plog: blocks from the journal could not be written: %w", err)
		}
	}
	return nil
}

// blockReader reads blocks of log files from the journal.
type blockReader struct {
	fs   vfs.FS
	file vfs.File
	path string
	buf  []byte
}

// read returns the block; it is valid until the next call.
func (b *blockReader) read(p patch) ([]byte, error) {
	if b.path != p.source {
		b.close()
		file, err := b.fs.Open(p.source)
		if err != nil {
			return nil, ioErr("open", p.source, err)
		}
		b.file, b.path = file, p.source
	}
	if int64(cap(b.buf)) < p.bytes {
		b.buf = make([]byte, p.bytes)
	}
	b.buf = b.buf[:p.bytes]
	if _, err := b.file.ReadAt(b.buf, p.at); err != nil {
		return nil, ioErr("read", p.source, err)
	}
	return b.buf, nil
}

func (b *blockReader) close() {
	if b.file != nil {
		b.file.Close()
	}
	b.file, b.path = nil, ""
}
