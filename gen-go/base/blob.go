package base

import (
	"bytes"
	"context"

	"github.com/apache/thrift/lib/go/thrift"
)

// Blob is a byte string on the wire: i32 length, then the bytes.
type Blob struct {
	Data []byte
}

// NewBlob returns an empty blob; generated code calls it.
func NewBlob() *Blob { return &Blob{} }

// BlobOf wraps b without copying it.
func BlobOf(b []byte) *Blob { return &Blob{Data: b} }

// Bytes returns the content; nil for a missing blob.
func (b *Blob) Bytes() []byte {
	if b == nil {
		return nil
	}
	return b.Data
}

func (b *Blob) Read(ctx context.Context, p thrift.TProtocol) error {
	data, err := p.ReadBinary(ctx)
	if err == nil {
		b.Data = data
	}
	return err
}

func (b *Blob) Write(ctx context.Context, p thrift.TProtocol) error {
	return p.WriteBinary(ctx, b.Bytes())
}

func (b *Blob) String() string { return string(b.Bytes()) }

// Equals compares contents; generated code calls it.
func (b *Blob) Equals(o *Blob) bool { return bytes.Equal(b.Bytes(), o.Bytes()) }
