package replica

import (
	"bytes"
	"encoding/binary"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// layout is a message whose bytes are always the same but for some numbers. What it does not match (another length of a
// text, a field that is usually absent, another order) is left to generated code: a layout is only faster, by some
// twenty allocations for a write on three members.
type layout struct {
	sample  []byte
	numbers []int // where 8 bytes each are a number, ascending
}

// append writes a message with these numbers.
func (l *layout) append(dst []byte, numbers ...int64) []byte {
	start := len(dst)
	dst = append(dst, l.sample...)
	for i, at := range l.numbers {
		binary.BigEndian.PutUint64(dst[start+at:], uint64(numbers[i]))
	}
	return dst
}

// matches reports whether b begins with such a message.
func (l *layout) matches(b []byte) bool {
	if len(b) < len(l.sample) {
		return false
	}
	from := 0
	for _, at := range l.numbers {
		if !bytes.Equal(b[from:at], l.sample[from:at]) {
			return false
		}
		from = at + 8
	}
	return bytes.Equal(b[from:len(l.sample)], l.sample[from:])
}

// number is the i-th number of a message that matches.
func (l *layout) number(b []byte, i int) int64 {
	return int64(binary.BigEndian.Uint64(b[l.numbers[i]:]))
}

// secondaryPrepare is what stands before the mutation in a prepare to a secondary.
var secondaryPrepare = layout{
	sample:  generatedPrepareHead(nil, prepareHead{role: pacifica.Secondary}),
	numbers: []int{3, 18, 29, 40, 58},
}

// ackOK is a PrepareAck with ERR_OK.
var ackOK = layout{
	sample:  rpc.AppendValue(nil, rpc.FieldNative, prepareAck(base.Gpid{}, pacifica.AckPrepare{Err: base.ErrOK})),
	numbers: []int{6, 30, 41, 52, 63},
}

// prepareHead is what a prepare says besides the mutation.
type prepareHead struct {
	gpid      base.Gpid
	ballot    int64
	primary   pacifica.Node
	role      pacifica.Status
	signature int64
}

// appendPrepareHead appends the wrapped gpid and the wrapped configuration.
func appendPrepareHead(dst []byte, h prepareHead) []byte {
	if h.role != pacifica.Secondary {
		return generatedPrepareHead(dst, h)
	}
	gpid := h.gpid.Int64()
	return secondaryPrepare.append(dst, gpid, gpid, h.ballot, h.primary.Int64(), h.signature)
}

func generatedPrepareHead(dst []byte, h prepareHead) []byte {
	dst = rpc.AppendValue(dst, rpc.FieldNative, h.gpid.Ptr())
	return rpc.AppendValue(dst, rpc.FieldNative, replicaConfig(h.gpid, h.ballot, h.primary, h.role, h.signature))
}

// readPrepareHead is appendPrepareHead the other way; rest is what follows.
func readPrepareHead(body []byte) (h prepareHead, rest []byte, err error) {
	if l := &secondaryPrepare; l.matches(body) {
		return prepareHead{
			gpid: base.GpidFromInt64(l.number(body, 0)), ballot: l.number(body, 2),
			primary: base.AddressFromInt64(l.number(body, 3)), role: pacifica.Secondary, signature: l.number(body, 4),
		}, body[len(l.sample):], nil
	}
	if rest, err = rpc.ReadValue(body, &h.gpid); err != nil {
		return h, nil, err
	}
	cfg := metadata.NewReplicaConfiguration()
	if rest, err = rpc.ReadValue(rest, cfg); err != nil {
		return h, nil, err
	}
	h.ballot, h.primary, h.role, h.signature = cfg.Ballot, cfg.Primary.Val(), cfg.Status, cfg.LearnerSignature
	return h, rest, nil
}

func prepareAck(gpid base.Gpid, e pacifica.AckPrepare) *consensus.PrepareAck {
	return &consensus.PrepareAck{
		Pid: gpid.Ptr(), Err: e.Err.Ptr(), Ballot: e.Ballot, Decree: e.Decree,
		LastCommittedDecreeInApp: e.LastCommitted, LastCommittedDecreeInPrepareList: e.LastCommitted,
	}
}

// replyAck answers a prepare.
func replyAck(req *rpc.Request, gpid base.Gpid, e pacifica.AckPrepare) {
	if e.Err != base.ErrOK {
		req.Reply(prepareAck(gpid, e))
		return
	}
	var buf [96]byte
	req.ReplyBytes(base.ErrOK, ackOK.append(buf[:0], gpid.Int64(), e.Ballot, e.Decree, e.LastCommitted, e.LastCommitted))
}

// readAck is what a member says to a prepare.
func readAck(body []byte) base.ErrorCode {
	if ackOK.matches(body) {
		return base.ErrOK
	}
	var ack consensus.PrepareAck
	if _, err := rpc.ReadValue(body, &ack); err != nil {
		return base.ErrInvalidData
	}
	return ack.Err.Val()
}
