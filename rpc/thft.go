package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

const (
	thftMagic       = "THFT"
	thftHeaderV0    = 48 // bytes
	thftHeaderV1    = 16 // bytes
	thftMetaMax     = 4096
	messageVersion1 = 0x80010000
)

var noContext = context.Background() // the readers here have nothing to cancel

var errTHFT = errors.New("bad THFT header")

// parseTHFT reads one THFT request of either version.
func parseTHFT(buf []byte, frameMax int, f *frame) (n, need int, err error) {
	if len(buf) < thftHeaderV1 {
		return 0, thftHeaderV1, nil
	}
	if string(buf[:4]) != thftMagic {
		return 0, 0, fmt.Errorf("%w: magic %q", errTHFT, buf[:4])
	}
	be := binary.BigEndian
	var head, meta, body int
	switch version := be.Uint32(buf[4:]); version {
	case 0:
		if l := be.Uint32(buf[8:]); l != thftHeaderV0 {
			return 0, 0, fmt.Errorf("%w: header length %d", errTHFT, l)
		}
		if len(buf) < thftHeaderV0 {
			return 0, thftHeaderV0, nil
		}
		head, body = thftHeaderV0, int(be.Uint32(buf[16:]))
	case 1:
		head, meta, body = thftHeaderV1, int(be.Uint32(buf[8:])), int(be.Uint32(buf[12:]))
		if meta > thftMetaMax {
			return 0, 0, fmt.Errorf("%w: request meta of %d bytes", errTHFT, meta)
		}
	default:
		return 0, 0, fmt.Errorf("%w: version %d", errTHFT, version)
	}
	n = head + meta + body
	if n > frameMax {
		return 0, 0, fmt.Errorf("%w: frame of %d bytes, allowed are %d", errTHFT, n, frameMax)
	}
	if len(buf) < n {
		return 0, n, nil
	}
	*f = frame{dialect: THFTv0, wireLength: body}
	if meta > 0 || head == thftHeaderV1 {
		f.dialect = THFTv1
		if err := f.readMeta(buf[head : head+meta]); err != nil {
			return 0, 0, fmt.Errorf("request meta: %w", err)
		}
	} else {
		f.gpid = base.Gpid{AppID: int32(be.Uint32(buf[24:])), PartitionIndex: int32(be.Uint32(buf[28:]))}
		f.timeoutMs = int32(be.Uint32(buf[32:]))
		f.partHash = be.Uint64(buf[40:])
	}
	if err := f.readMessage(buf[n-body : n]); err != nil {
		return 0, 0, err
	}
	return n, 0, nil
}

// readMeta reads the request_meta struct; fields of another type than expected are passed over.
func (f *frame) readMeta(b []byte) error {
	r := reader{buf: b, elements: thftMetaMax}
	for {
		_, t, id, err := r.ReadFieldBegin(noContext)
		if err != nil {
			return err
		}
		switch {
		case t == thrift.STOP:
			return nil
		case t == thrift.I32 && id >= 1 && id <= 3:
			v, err := r.ReadI32(noContext)
			if err != nil {
				return err
			}
			switch id {
			case 1:
				f.gpid.AppID = v
			case 2:
				f.gpid.PartitionIndex = v
			case 3:
				f.timeoutMs = v
			}
		case t == thrift.I64 && id == 4:
			v, err := r.ReadI64(noContext)
			if err != nil {
				return err
			}
			f.partHash = uint64(v)
		case t == thrift.BOOL && id == 5:
			if f.backup, err = r.ReadBool(noContext); err != nil {
				return err
			}
		default:
			if err := r.Skip(noContext, t); err != nil {
				return err
			}
		}
	}
}

// readMessage reads the TMessage begin, strict or old form; the rest is the args struct.
func (f *frame) readMessage(b []byte) error {
	name, typ, seq, rest, err := readMessageBegin(b)
	if err != nil {
		return err
	}
	if typ != byte(thrift.CALL) && typ != byte(thrift.ONEWAY) {
		return fmt.Errorf("TMessage type %d", typ)
	}
	f.name = name[:min(len(name), nameLenMax)]
	f.seq, f.oneway, f.body = uint64(uint32(seq)), typ == byte(thrift.ONEWAY), rest
	return nil
}

var errMessage = errors.New("bad TMessage begin")

func readMessageBegin(b []byte) (name []byte, typ byte, seq int32, rest []byte, err error) {
	r := reader{buf: b}
	first, err := r.take(4)
	if err != nil {
		return nil, 0, 0, nil, errMessage
	}
	v := binary.BigEndian.Uint32(first)
	strict := v&0x80000000 != 0
	if strict {
		if v&0xffff0000 != messageVersion1 {
			return nil, 0, 0, nil, errMessage
		}
		typ = byte(v)
	} else {
		r.pos = 0
	}
	if name, err = r.text(); err != nil {
		return nil, 0, 0, nil, errMessage
	}
	if !strict {
		t, err := r.take(1)
		if err != nil {
			return nil, 0, 0, nil, errMessage
		}
		typ = t[0]
	}
	if seq, err = r.ReadI32(noContext); err != nil {
		return nil, 0, 0, nil, errMessage
	}
	return name, typ, seq, b[r.pos:], nil
}

// appendTHFTReplyHead appends everything of a reply before the result; the caller appends the result
// and calls patchTHFTReply with the offset at which this began.
func appendTHFTReplyHead(out []byte, m *method, seq int32, code base.ErrorCode) []byte {
	if code == base.ErrOK {
		out = append(out, m.okHead...)
	} else {
		out = appendTHFTHead(out, base.ClientKnows(code).Name, m.ack)
	}
	return binary.BigEndian.AppendUint32(out, uint32(seq))
}

func appendTHFTHead(out []byte, code, ack string) []byte {
	be := binary.BigEndian
	out = append(out, 0, 0, 0, 0)
	out = append(be.AppendUint32(out, uint32(len(code))), code...)
	out = be.AppendUint32(out, messageVersion1|uint32(thrift.REPLY))
	return append(be.AppendUint32(out, uint32(len(ack))), ack...)
}

// patchTHFTReply sets the length, which counts itself.
func patchTHFTReply(out []byte, start int) {
	binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start))
}

// appendTHFTRequest appends a whole request frame.
func appendTHFTRequest(out []byte, d Dialect, c *Call, seq uint32) []byte {
	be := binary.BigEndian
	start := len(out)
	out = append(out, thftMagic...)
	if d == THFTv0 {
		out = be.AppendUint32(out, 0)
		out = be.AppendUint32(out, thftHeaderV0)
		out = append(out, 0, 0, 0, 0) // header crc, not used
		out = append(out, 0, 0, 0, 0) // body length, below
		out = append(out, 0, 0, 0, 0) // body crc, not used
		out = be.AppendUint32(out, uint32(c.Gpid.AppID))
		out = be.AppendUint32(out, uint32(c.Gpid.PartitionIndex))
		out = be.AppendUint32(out, uint32(c.TimeoutMs))
		out = be.AppendUint32(out, uint32(c.Gpid.ThreadHash()))
		out = be.AppendUint64(out, c.PartitionHash)
	} else {
		out = be.AppendUint32(out, 1)
		out = append(out, 0, 0, 0, 0, 0, 0, 0, 0) // meta and body length, below
		out = appendMeta(out, c)
		be.PutUint32(out[start+8:], uint32(len(out)-start-thftHeaderV1))
	}
	body := len(out)
	out = be.AppendUint32(out, messageVersion1|uint32(thrift.CALL))
	out = append(be.AppendUint32(out, uint32(len(c.Name))), c.Name...)
	out = be.AppendUint32(out, seq)
	out = append(out, c.Body...)
	lengthAt := start + 16
	if d == THFTv1 {
		lengthAt = start + 12
	}
	be.PutUint32(out[lengthAt:], uint32(len(out)-body))
	return out
}

func appendMeta(out []byte, c *Call) []byte {
	be := binary.BigEndian
	out = be.AppendUint32(append(out, thrift.I32, 0, 1), uint32(c.Gpid.AppID))
	out = be.AppendUint32(append(out, thrift.I32, 0, 2), uint32(c.Gpid.PartitionIndex))
	out = be.AppendUint32(append(out, thrift.I32, 0, 3), uint32(c.TimeoutMs))
	out = be.AppendUint64(append(out, thrift.I64, 0, 4), c.PartitionHash)
	backup := byte(0)
	if c.Backup {
		backup = 1
	}
	return append(out, thrift.BOOL, 0, 5, backup, thrift.STOP)
}

// parseTHFTAnswer reads one reply frame.
func parseTHFTAnswer(buf []byte, frameMax int, a *answer) (n, need int, err error) {
	if len(buf) < 4 {
		return 0, 4, nil
	}
	n = int(binary.BigEndian.Uint32(buf))
	if n < 4 || n > frameMax {
		return 0, 0, fmt.Errorf("reply of %d bytes, allowed are %d", n, frameMax)
	}
	if len(buf) < n {
		return 0, n, nil
	}
	r := reader{buf: buf[4:n]}
	code, err := r.text()
	if err != nil {
		return 0, 0, fmt.Errorf("reply's error code: %w", err)
	}
	_, typ, seq, rest, err := readMessageBegin(r.buf[r.pos:])
	if err != nil {
		return 0, 0, err
	}
	if typ != byte(thrift.REPLY) {
		return 0, 0, fmt.Errorf("reply's TMessage type %d", typ)
	}
	*a = answer{seq: uint64(uint32(seq)), code: code, body: rest}
	return n, 0, nil
}
