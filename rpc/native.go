package rpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Offsets and bits of the native header, wire.md §3.
const (
	nativeMagic  = "RDSN"
	nativeHeader = 192 // bytes

	offLength     = 8
	offHeaderCRC  = 12
	offBodyLength = 16
	offBodyCRC    = 20
	offID         = 24
	offTraceID    = 32
	offName       = 40
	offCode       = 88
	offGpid       = 96
	offContext    = 104
	offFrom       = 112
	offTimeout    = 120
	offThreadHash = 124
	offPartHash   = 128
	offErrorName  = 136
	offErrorCode  = 184

	bitRequest          = 1 << 0
	bitForwarded        = 1 << 1
	serializeThrift     = 1
	shiftSerialize      = 6
	maskSerialize       = 0xF
	bitForwardSupported = 1 << 10
	bitBackup           = 1 << 11

	contextRequest = bitRequest | serializeThrift<<shiftSerialize | bitForwardSupported
)

var errNative = errors.New("bad RDSN message")

// checkNative finds the end of the first message and checks its checksums.
func checkNative(buf []byte, frameMax int) (n, need int, err error) {
	if len(buf) < nativeHeader {
		return 0, nativeHeader, nil
	}
	if string(buf[:4]) != nativeMagic {
		return 0, 0, fmt.Errorf("%w: magic %q", errNative, buf[:4])
	}
	le := binary.LittleEndian
	if want := le.Uint32(buf[offHeaderCRC:]); want != 0 && headerCRC(buf) != want {
		return 0, 0, fmt.Errorf("%w: header checksum", errNative)
	}
	n = nativeHeader + int(le.Uint32(buf[offBodyLength:]))
	if n > frameMax {
		return 0, 0, fmt.Errorf("%w: %d bytes, allowed are %d", errNative, n, frameMax)
	}
	if len(buf) < n {
		return 0, n, nil
	}
	if want := le.Uint32(buf[offBodyCRC:]); want != 0 && crc(buf[nativeHeader:n]) != want {
		return 0, 0, fmt.Errorf("%w: body checksum", errNative)
	}
	return n, 0, nil
}

// headerCRC is the checksum of a header as if its checksum field were zero.
func headerCRC(h []byte) uint32 {
	var zeroed [nativeHeader]byte
	copy(zeroed[:], h)
	clear(zeroed[offHeaderCRC : offHeaderCRC+4])
	return crc(zeroed[:])
}

// parseNative reads one native request. A message that is not a request leaves f.name nil: the
// caller passes over it.
func parseNative(buf []byte, frameMax int, f *frame) (n, need int, err error) {
	n, need, err = checkNative(buf, frameMax)
	if n == 0 || err != nil {
		return n, need, err
	}
	le := binary.LittleEndian
	h := buf[:nativeHeader]
	context := le.Uint64(h[offContext:])
	*f = frame{
		dialect: Native,
		seq:     le.Uint64(h[offID:]),
		gpid: base.Gpid{
			AppID:          int32(le.Uint32(h[offGpid:])),
			PartitionIndex: int32(le.Uint32(h[offGpid+4:])),
		},
		timeoutMs:  int32(le.Uint32(h[offTimeout:])),
		partHash:   le.Uint64(h[offPartHash:]),
		backup:     context&bitBackup != 0,
		header:     h,
		from:       int64(le.Uint64(h[offFrom:])),
		forward:    context&bitForwardSupported != 0,
		body:       buf[nativeHeader:n],
		wireLength: n - nativeHeader,
	}
	if context&bitRequest == 0 {
		return n, 0, nil
	}
	if s := context >> shiftSerialize & maskSerialize; s != serializeThrift {
		return 0, 0, fmt.Errorf("%w: serialization format %d", errNative, s)
	}
	f.name = cText(h[offName : offName+nameLenMax+1])
	return n, 0, nil
}

// cText is the text before the first NUL; at most nameLenMax bytes, never nil.
func cText(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b[:nameLenMax]
}

func putCText(dst []byte, s string) {
	clear(dst)
	copy(dst, s[:min(len(s), nameLenMax)])
}

// appendNativeReplyHead appends the header of a reply: the request's, as a reply of this server.
func appendNativeReplyHead(out []byte, m *method, request *[nativeHeader]byte, from base.RPCAddress, code base.ErrorCode) []byte {
	start := len(out)
	out = append(out, request[:]...)
	h := out[start:]
	le := binary.LittleEndian
	le.PutUint32(h[offLength:], nativeHeader)
	clear(h[offHeaderCRC : offBodyCRC+4])
	putCText(h[offName:offName+nameLenMax+1], m.ack)
	clear(h[offCode : offCode+8])
	le.PutUint64(h[offContext:], le.Uint64(h[offContext:])&^uint64(bitRequest))
	le.PutUint64(h[offFrom:], uint64(from.Int64()))
	putCText(h[offErrorName:offErrorName+nameLenMax+1], code.Name)
	clear(h[offErrorCode : offErrorCode+8])
	return out
}

// patchNative sets the body length and, if asked, the checksums of the message that began at start.
func patchNative(out []byte, start int, checksum bool) {
	le := binary.LittleEndian
	h, body := out[start:start+nativeHeader], out[start+nativeHeader:]
	le.PutUint32(h[offBodyLength:], uint32(len(body)))
	if !checksum {
		return
	}
	le.PutUint32(h[offBodyCRC:], crc(body))
	le.PutUint32(h[offHeaderCRC:], headerCRC(h))
}

// appendNativeRequest appends a whole request.
func appendNativeRequest(out []byte, c *Call, id uint64, from base.RPCAddress, checksum bool) []byte {
	start := len(out)
	var zero [nativeHeader]byte
	out = append(out, zero[:]...)
	h := out[start:]
	le := binary.LittleEndian
	copy(h, nativeMagic)
	le.PutUint32(h[offLength:], nativeHeader)
	le.PutUint64(h[offID:], id)
	le.PutUint64(h[offTraceID:], rand.Uint64())
	putCText(h[offName:offName+nameLenMax+1], c.Name)
	le.PutUint32(h[offGpid:], uint32(c.Gpid.AppID))
	le.PutUint32(h[offGpid+4:], uint32(c.Gpid.PartitionIndex))
	context := uint64(contextRequest)
	if c.Backup {
		context |= bitBackup
	}
	le.PutUint64(h[offContext:], context)
	le.PutUint64(h[offFrom:], uint64(from.Int64()))
	le.PutUint32(h[offTimeout:], uint32(c.TimeoutMs))
	le.PutUint32(h[offThreadHash:], uint32(c.Gpid.ThreadHash()))
	le.PutUint64(h[offPartHash:], c.PartitionHash)
	out = append(out, c.Body...)
	patchNative(out, start, checksum)
	return out
}

// parseNativeAnswer reads one native reply; a message that is not a reply leaves a.code nil.
func parseNativeAnswer(buf []byte, frameMax int, a *answer) (n, need int, err error) {
	n, need, err = checkNative(buf, frameMax)
	if n == 0 || err != nil {
		return n, need, err
	}
	*a = answer{seq: binary.LittleEndian.Uint64(buf[offID:]), body: buf[nativeHeader:n]}
	if binary.LittleEndian.Uint64(buf[offContext:])&bitRequest == 0 {
		a.code = cText(buf[offErrorName : offErrorName+nameLenMax+1])
	}
	return n, 0, nil
}

func hasHeaderCRC(h *[nativeHeader]byte) bool {
	return binary.LittleEndian.Uint32(h[offHeaderCRC:]) != 0
}
