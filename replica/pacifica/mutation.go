package pacifica

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Update is one client write inside a mutation.
type Update struct {
	// Code is the task code, e.g. RPC_RRDB_RRDB_PUT.
	Code string
	// Body is the client's args wrapper, as it came.
	Body []byte
	// Token names the waiting client on the node that took the write; 0 elsewhere.
	Token uint64
}

// Mutation is what one decree does. It is immutable once encoded.
type Mutation struct {
	Gpid          base.Gpid
	Ballot        int64
	Decree        int64
	LastCommitted int64 // of the primary, at preparation
	TimestampUs   int64 // strictly increasing over the life of the partition
	// DefaultTTL is the table's default_ttl in seconds as the primary knew it, so that every
	// replica stamps the same expiry.
	DefaultTTL int32
	Updates    []Update
	// Raw is the encoded form, shared by the log and the prepares.
	Raw []byte
}

// Versions of the encoding: 1 carries a default TTL after the header, 0 is upstream's layout.
const (
	mutationVersionPlain = 0
	mutationVersionTTL   = 1
	mutationHeaderBytes  = 56
	// mutationUpdatesMax bounds what a decoder believes; above any batch limit.
	mutationUpdatesMax = 1 << 20
	serializeBinary    = 1
)

// encode fills m.Raw (replica.md 3.5): little-endian header, update headers, then the bodies.
func (m *Mutation) encode() {
	size := mutationHeaderBytes + 8
	for i := range m.Updates {
		size += 12 + len(m.Updates[i].Code) + len(m.Updates[i].Body)
	}
	b := make([]byte, 0, size)
	version := uint64(mutationVersionPlain)
	if m.DefaultTTL != 0 {
		version = mutationVersionTTL
	}
	le := binary.LittleEndian
	b = le.AppendUint64(b, version)
	b = le.AppendUint64(b, uint64(m.Gpid.Int64()))
	b = le.AppendUint64(b, uint64(m.Ballot))
	b = le.AppendUint64(b, uint64(m.Decree))
	b = le.AppendUint64(b, ^uint64(0)) // log offset: unused
	b = le.AppendUint64(b, uint64(m.LastCommitted))
	b = le.AppendUint64(b, uint64(m.TimestampUs))
	if version == mutationVersionTTL {
		b = le.AppendUint32(b, uint32(m.DefaultTTL))
	}
	b = le.AppendUint32(b, uint32(len(m.Updates)))
	for i := range m.Updates {
		u := &m.Updates[i]
		b = le.AppendUint32(b, uint32(len(u.Code)))
		b = append(b, u.Code...)
		b = le.AppendUint32(b, serializeBinary)
		b = le.AppendUint32(b, uint32(len(u.Body)))
	}
	for i := range m.Updates {
		b = append(b, m.Updates[i].Body...)
	}
	m.Raw = b
}

var errShortMutation = errors.New("mutation: truncated")

// DecodeMutation reads one encoded mutation that fills raw; intern maps task code names to shared
// strings (nil copies them). The result refers to raw.
func DecodeMutation(raw []byte, intern func([]byte) string) (*Mutation, error) {
	m, rest, err := decodeMutation(raw, intern)
	if err == nil && len(rest) != 0 {
		return nil, fmt.Errorf("mutation: %d bytes left over", len(rest))
	}
	return m, err
}

// DecodeMutations reads mutations that stand back to back. The results refer to raw.
func DecodeMutations(raw []byte, intern func([]byte) string) ([]*Mutation, error) {
	var out []*Mutation
	for len(raw) > 0 {
		m, rest, err := decodeMutation(raw, intern)
		if err != nil {
			return nil, err
		}
		out, raw = append(out, m), rest
	}
	return out, nil
}

func decodeMutation(raw []byte, intern func([]byte) string) (m *Mutation, rest []byte, err error) {
	if intern == nil {
		intern = func(b []byte) string { return string(b) }
	}
	if len(raw) < mutationHeaderBytes+4 {
		return nil, nil, errShortMutation
	}
	le := binary.LittleEndian
	version := le.Uint64(raw)
	if version > mutationVersionTTL {
		return nil, nil, fmt.Errorf("mutation: version %d is not known", version)
	}
	m = &Mutation{
		Gpid:          base.GpidFromInt64(int64(le.Uint64(raw[8:]))),
		Ballot:        int64(le.Uint64(raw[16:])),
		Decree:        int64(le.Uint64(raw[24:])),
		LastCommitted: int64(le.Uint64(raw[40:])),
		TimestampUs:   int64(le.Uint64(raw[48:])),
	}
	p := raw[mutationHeaderBytes:]
	if version == mutationVersionTTL {
		m.DefaultTTL = int32(le.Uint32(p))
		p = p[4:]
	}
	if len(p) < 4 {
		return nil, nil, errShortMutation
	}
	n := int(le.Uint32(p))
	p = p[4:]
	if n > mutationUpdatesMax || n*12 > len(p) {
		return nil, nil, errShortMutation
	}
	m.Updates = make([]Update, n)
	lengths := make([]int, n)
	for i := range n {
		if len(p) < 4 {
			return nil, nil, errShortMutation
		}
		nameLen := int(le.Uint32(p))
		if nameLen > len(p)-12 || nameLen < 0 {
			return nil, nil, errShortMutation
		}
		m.Updates[i].Code = intern(p[4 : 4+nameLen])
		p = p[4+nameLen:]
		lengths[i] = int(le.Uint32(p[4:]))
		p = p[8:]
	}
	for i, length := range lengths {
		if length < 0 || length > len(p) {
			return nil, nil, errShortMutation
		}
		m.Updates[i].Body = p[:length:length]
		p = p[length:]
	}
	size := len(raw) - len(p)
	m.Raw = raw[:size:size]
	return m, p, nil
}

// String is the name used in logs: app.partition.ballot.decree.
func (m *Mutation) String() string {
	return fmt.Sprintf("%s.%d.%d", m.Gpid, m.Ballot, m.Decree)
}
