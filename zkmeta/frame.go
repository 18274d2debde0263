package zkmeta

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// Both files of the embedded store, log and snapshot, are a header followed by
// frames. All integers are little-endian.
//
//	header  magic 8 | version u32 | kind u32 | salt u64 | sequence u64 | crc32c u32 | zero u32
//	frame   magic 4 | payload length u32 | sequence u64 | crc32c u32 | payload
//
// The header's sequence is that of the last frame before the file's first one.
// A frame's checksum covers salt, sequence, length and payload. The salt is
// random per file: bytes that a caller stored as data can never pass for a frame.
const (
	fileMagic    = "PGSMETA\n"
	fileVersion  = 1
	headerBytes  = 40
	frameMagic   = "\xf5MF\xa7"
	frameHeader  = 20
	payloadBytes = 64 << 20 // bound of one frame's payload

	kindLog      uint32 = 1
	kindSnapshot uint32 = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type fileHeader struct {
	kind     uint32
	salt     uint64
	sequence uint64
}

func (h fileHeader) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, fileMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, fileVersion)
	dst = binary.LittleEndian.AppendUint32(dst, h.kind)
	dst = binary.LittleEndian.AppendUint64(dst, h.salt)
	dst = binary.LittleEndian.AppendUint64(dst, h.sequence)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	return append(dst, 0, 0, 0, 0)
}

func readFileHeader(b []byte, kind uint32) (fileHeader, error) {
	if len(b) < headerBytes {
		return fileHeader{}, fmt.Errorf("%w: %d bytes are no header", ErrCorrupt, len(b))
	}
	if string(b[:8]) != fileMagic {
		return fileHeader{}, fmt.Errorf("%w: magic %q", ErrCorrupt, b[:8])
	}
	if crc32.Checksum(b[:32], castagnoli) != binary.LittleEndian.Uint32(b[32:]) {
		return fileHeader{}, fmt.Errorf("%w: header checksum", ErrCorrupt)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != fileVersion {
		return fileHeader{}, fmt.Errorf("%w: file version %d, this program knows %d", ErrInvalid, v, fileVersion)
	}
	h := fileHeader{
		kind:     binary.LittleEndian.Uint32(b[12:]),
		salt:     binary.LittleEndian.Uint64(b[16:]),
		sequence: binary.LittleEndian.Uint64(b[24:]),
	}
	if h.kind != kind {
		return fileHeader{}, fmt.Errorf("%w: file of kind %d, expected %d", ErrCorrupt, h.kind, kind)
	}
	return h, nil
}

func frameSum(salt, sequence uint64, payload []byte) uint32 {
	var b [20]byte
	binary.LittleEndian.PutUint64(b[0:], salt)
	binary.LittleEndian.PutUint64(b[8:], sequence)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(payload)))
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, payload)
}

func appendFrame(dst []byte, salt, sequence uint64, payload []byte) []byte {
	dst = append(dst, frameMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.LittleEndian.AppendUint64(dst, sequence)
	dst = binary.LittleEndian.AppendUint32(dst, frameSum(salt, sequence, payload))
	return append(dst, payload...)
}

// readFrame reads the frame at the beginning of b. ok is false when no whole,
// intact frame stands there.
func readFrame(b []byte, salt uint64) (sequence uint64, payload, rest []byte, ok bool) {
	if len(b) < frameHeader || string(b[:4]) != frameMagic {
		return 0, nil, nil, false
	}
	n := int64(binary.LittleEndian.Uint32(b[4:]))
	if n > payloadBytes || n > int64(len(b)-frameHeader) {
		return 0, nil, nil, false
	}
	sequence = binary.LittleEndian.Uint64(b[8:])
	payload = b[frameHeader : frameHeader+n]
	if frameSum(salt, sequence, payload) != binary.LittleEndian.Uint32(b[16:]) {
		return 0, nil, nil, false
	}
	return sequence, payload, b[frameHeader+n:], true
}

// findFrame looks for an intact frame anywhere in b.
func findFrame(b []byte, salt uint64) (offset int, ok bool) {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(frameMagic))
		if i < 0 {
			return 0, false
		}
		at += i
		if _, _, _, ok := readFrame(b[at:], salt); ok {
			return at, true
		}
		at++
	}
}

// Operations in a payload: kind 1 | path length uvarint | path | data length
// uvarint | data.

func appendOp(dst []byte, op Op) []byte {
	dst = append(dst, byte(op.Kind))
	dst = binary.AppendUvarint(dst, uint64(len(op.Path)))
	dst = append(dst, op.Path...)
	dst = binary.AppendUvarint(dst, uint64(len(op.Data)))
	return append(dst, op.Data...)
}

func readOps(payload []byte) ([]Op, error) {
	var ops []Op
	for len(payload) > 0 {
		op := Op{Kind: OpKind(payload[0])}
		path, rest, ok1 := readBytes(payload[1:])
		data, rest, ok2 := readBytes(rest)
		if !ok1 || !ok2 || op.Kind < OpCreate || op.Kind > OpDelete {
			return nil, fmt.Errorf("%w: operation %d of a frame does not decode", ErrCorrupt, len(ops))
		}
		op.Path, op.Data = string(path), slices.Clone(data)
		if err := CheckPath(op.Path); err != nil {
			return nil, fmt.Errorf("%w: %v", ErrCorrupt, err)
		}
		ops = append(ops, op)
		payload = rest
	}
	return ops, nil
}

func readBytes(b []byte) (field, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n)], b[w+int(n):], true
}
