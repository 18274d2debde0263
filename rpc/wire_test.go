package rpc

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// samples are values that use every kind of field.
func samples() []thrift.TStruct {
	addr, hp := base.AddressOf(0x7F000001, 34801), base.AddressOf(0x7F000001, 34801).HostPort()
	return []thrift.TStruct{
		base.BlobOf([]byte("key")), base.ErrBusy.Ptr(), addr.Ptr(), hp, &base.Gpid{AppID: 1, PartitionIndex: -2},
		&layer2.QueryCfgResponse{Err: base.ErrOK.Ptr(), AppID: 3, PartitionCount: 1, IsStateful: true,
			Partitions: []*layer2.PartitionConfiguration{{Pid: base.NewGpid(), Ballot: 1 << 40, Primary: addr.Ptr(),
				Secondaries: []*base.RPCAddress{addr.Ptr(), addr.Ptr()}, LastDrops: []*base.RPCAddress{}, HpPrimary: hp}}},
		&rrdb.MultiPutRequest{HashKey: base.BlobOf([]byte("h")), ExpireTsSeconds: -1,
			Kvs: []*rrdb.KeyValue{{Key: base.BlobOf(nil), Value: base.BlobOf([]byte{0, 1, 255})}}},
		&consensus.LearnState{FromDecreeExcluded: 1, ToDecreeIncluded: 2, Meta: base.BlobOf([]byte("m")), Files: []string{"a", "", "b"}},
	}
}

// A value is encoded as thrift's own binary protocol does, and read back by both.
func TestCodecAgreesWithThrift(t *testing.T) {
	for _, v := range samples() {
		buf := thrift.NewTMemoryBuffer()
		p := thrift.NewTBinaryProtocolConf(buf, nil)
		if err := v.Write(context.Background(), p); err != nil {
			t.Fatal(err)
		}
		want := append(append([]byte{thrift.STRUCT, 0, 9}, buf.Bytes()...), thrift.STOP)
		got := AppendValue([]byte("before"), 9, v)
		if !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("%T: encoded\n%x, want\n%x", v, got[6:], want)
		}
		back := fresh(v)
		rest, err := ReadValue(append(want, "rest"...), back)
		if err != nil || string(rest) != "rest" || !bytes.Equal(AppendValue(nil, 9, back), want) {
			t.Errorf("%T: read %+v, rest %q, %v", v, back, rest, err)
		}
		for cut := range want {
			if _, err := ReadValue(want[:cut], fresh(v)); err == nil {
				t.Errorf("%T: no error when cut to %d of %d bytes", v, cut, len(want))
			}
		}
	}
}

func fresh(v thrift.TStruct) thrift.TStruct {
	for _, s := range append(manyShapes(), new(consensus.LearnState)) {
		if sameType(s, v) {
			return s
		}
	}
	panic("no empty value of this type")
}

func TestSharedReadPointsIntoTheBody(t *testing.T) {
	body := AppendValue(nil, 0, base.BlobOf([]byte("abc")))
	var shared, copied base.Blob
	ReadValueShared(body, &shared)
	ReadValue(body, &copied)
	body[7] = 'X'
	if string(shared.Data) != "Xbc" || string(copied.Data) != "abc" {
		t.Errorf("shared %q, copied %q", shared.Data, copied.Data)
	}
	if cap(shared.Data) != 3 {
		t.Error("appending to a shared blob would write over what follows it")
	}
}

func TestWrappersOfPlainValues(t *testing.T) {
	s, rest, err := ReadString(append(AppendString(nil, 0, "text"), 1, 2))
	if s != "text" || len(rest) != 2 || err != nil {
		t.Error(s, rest, err)
	}
	v, rest, err := ReadI64(append(AppendI64(nil, 1, -5), 1))
	if v != -5 || len(rest) != 1 || err != nil {
		t.Error(v, rest, err)
	}
	for _, b := range [][]byte{nil, {11}, {10, 0, 0, 0, 0, 0, 0}, {11, 0, 0, 0xff, 0xff, 0xff, 0xff}, {11, 0, 0, 0, 0, 0, 0}, {11, 0, 0, 0, 0, 0, 0, 1}} {
		if _, _, err := ReadString(b); err == nil {
			t.Errorf("string from %x", b)
		}
		if _, _, err := ReadI64(b); err == nil {
			t.Errorf("i64 from %x", b)
		}
	}
}

func TestUnknownFieldsArePassedOver(t *testing.T) {
	w := newWriter()
	for id, v := range []func(){
		func() { w.WriteBool(noContext, true) },
		func() { w.WriteByte(noContext, 1) },
		func() { w.WriteI16(noContext, 1) },
		func() { w.WriteDouble(noContext, 1.5) },
		func() { w.WriteString(noContext, "s") },
		func() { w.WriteUUID(noContext, thrift.Tuuid{1}) },
		func() { w.WriteListBegin(noContext, thrift.STRING, 1); w.WriteString(noContext, "e") },
		func() {
			w.WriteMapBegin(noContext, thrift.I32, thrift.STRUCT, 1)
			w.WriteI32(noContext, 1)
			w.WriteFieldStop(noContext)
		},
		func() {
			w.WriteFieldBegin(noContext, "", thrift.SET, 1)
			w.WriteSetBegin(noContext, thrift.I64, 1)
			w.WriteI64(noContext, 1)
			w.WriteFieldStop(noContext)
		},
	} {
		types := []thrift.TType{thrift.BOOL, thrift.BYTE, thrift.I16, thrift.DOUBLE, thrift.STRING, thrift.UUID, thrift.LIST, thrift.MAP, thrift.STRUCT}
		w.WriteFieldBegin(noContext, "", types[id], int16(100+id))
		v()
	}
	w.WriteFieldBegin(noContext, "", thrift.I32, 1)
	w.WriteI32(noContext, 42)
	w.WriteFieldStop(noContext)
	var res rrdb.ReadResponse
	rest, err := ReadStruct(w.buf, &res)
	if err != nil || len(rest) > 0 || res.Error != 42 {
		t.Errorf("error %d, rest %x, %v", res.Error, rest, err)
	}
}

// The wheel ends every call at its own tick, whatever is added and removed in between.
func TestWheelAgainstAModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var w wheel
	w.at = 1000
	model := map[*pending]bool{}
	now := w.at
	for range 20000 {
		switch rnd.IntN(3) {
		case 0:
			e := &pending{deadline: now + 1 + int64(rnd.IntN(3*wheelSlots))}
			model[e] = true
			w.add(e)
		case 1:
			for e := range model {
				w.remove(e)
				delete(model, e)
				break
			}
		case 2:
			now += int64(rnd.IntN(4))
			if rnd.IntN(200) == 0 {
				now += 2 * wheelSlots
			}
			w.advance(now, func(e *pending) {
				if !model[e] || e.deadline > now {
					t.Fatalf("call with deadline %d ended at %d", e.deadline, now)
				}
				delete(model, e)
			})
			for e := range model {
				if e.deadline <= now {
					t.Fatalf("call with deadline %d still waits at %d", e.deadline, now)
				}
			}
		}
	}
}
