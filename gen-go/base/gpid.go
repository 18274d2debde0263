package base

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/thrift/lib/go/thrift"
)

// Gpid names one partition of one table. Both 0 (or -1) in requests to the meta server.
type Gpid struct {
	AppID          int32
	PartitionIndex int32
}

// NewGpid returns the zero Gpid; generated code calls it.
func NewGpid() *Gpid { return &Gpid{} }

// GpidFromInt64 unpacks the wire form: app id in the low 32 bits, partition index in the high.
func GpidFromInt64(v int64) Gpid {
	return Gpid{AppID: int32(v), PartitionIndex: int32(v >> 32)}
}

// ParseGpid reads the text form "app.partition".
func ParseGpid(s string) (Gpid, error) {
	app, part, ok := strings.Cut(s, ".")
	a, err1 := strconv.ParseInt(app, 10, 32)
	p, err2 := strconv.ParseInt(part, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return Gpid{}, fmt.Errorf("gpid %q: want app_id.partition_index", s)
	}
	return Gpid{AppID: int32(a), PartitionIndex: int32(p)}, nil
}

// Int64 is the wire form.
func (g Gpid) Int64() int64 { return int64(uint32(g.AppID)) | int64(g.PartitionIndex)<<32 }

// ThreadHash is the value clients put into header field thread_hash.
func (g Gpid) ThreadHash() int32 { return g.AppID*7919 + g.PartitionIndex }

func (g Gpid) String() string {
	return strconv.Itoa(int(g.AppID)) + "." + strconv.Itoa(int(g.PartitionIndex))
}

// Ptr returns a pointer to a copy, for generated structs.
func (g Gpid) Ptr() *Gpid { return &g }

func (g *Gpid) Read(ctx context.Context, p thrift.TProtocol) error {
	v, err := p.ReadI64(ctx)
	if err == nil {
		*g = GpidFromInt64(v)
	}
	return err
}

func (g *Gpid) Write(ctx context.Context, p thrift.TProtocol) error {
	if g == nil {
		return p.WriteI64(ctx, 0)
	}
	return p.WriteI64(ctx, g.Int64())
}

// Equals reports whether both name the same partition; generated code calls it.
func (g *Gpid) Equals(o *Gpid) bool {
	if g == nil || o == nil {
		return g == o
	}
	return *g == *o
}
