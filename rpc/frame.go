package rpc

import (
	"hash/crc32"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Dialect is how a message is framed.
type Dialect int

// The dialects of the port besides HTTP.
const (
	Native Dialect = iota // 192-byte little-endian header, wire.md §3
	THFTv0                // 48-byte big-endian header, wire.md §2.1
	THFTv1                // 16-byte header and a request_meta struct, wire.md §2.2
)

func (d Dialect) String() string {
	switch d {
	case Native:
		return "RDSN"
	case THFTv0:
		return "THFT v0"
	case THFTv1:
		return "THFT v1"
	}
	return "unknown dialect"
}

// nameLenMax is the longest task code name a header can carry, in bytes.
const nameLenMax = 47

// frame is one request as it lies in a read buffer: its slices are parts of that buffer.
type frame struct {
	dialect    Dialect
	name       []byte
	seq        uint64
	oneway     bool
	gpid       base.Gpid
	timeoutMs  int32
	partHash   uint64
	backup     bool
	header     []byte // native: the 192 bytes; else nil
	from       int64  // native: sender's address
	forward    bool   // native: forward supported
	body       []byte // what a handler gets
	wireLength int    // bytes of the body as sent: THFT counts the TMessage begin too
}

// answer is one reply as it lies in a client's read buffer.
type answer struct {
	seq  uint64
	code []byte // error name
	body []byte
}

// A parse function looks at the start of buf. It returns how many bytes the first frame takes; 0
// means that the frame is not complete, and need is then the length at which it is worth looking
// again. Any error is fatal for the connection.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
