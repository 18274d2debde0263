package replica

import (
	"math/rand/v2"
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/consensus"
	"github.com/pegasus-go/pegasus/gen-go/metadata"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

func randomHead(r *rand.Rand, role pacifica.Status) prepareHead {
	return prepareHead{
		gpid: base.GpidFromInt64(int64(r.Uint64())), ballot: int64(r.Uint64()), primary: base.AddressFromInt64(int64(r.Uint64())),
		role: role, signature: int64(r.Uint64()),
	}
}

// What is written by layout is what generated code writes, and reads back.
func TestPrepareHeadIsWhatGeneratedCodeWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, role := range []pacifica.Status{pacifica.Secondary, pacifica.Learner} {
		for range 1000 {
			h := randomHead(r, role)
			body := appendPrepareHead(nil, h)
			if want := generatedPrepareHead(nil, h); string(body) != string(want) {
				t.Fatalf("%+v:\n%x, want\n%x", h, body, want)
			}
			if role == pacifica.Secondary && !secondaryPrepare.matches(body) {
				t.Fatalf("%+v does not match the layout", h)
			}
			got, rest, err := readPrepareHead(append(body, "rest"...))
			if got != h || string(rest) != "rest" || err != nil {
				t.Fatalf("%+v, %q, %v; want %+v", got, rest, err, h)
			}
		}
	}
}

func TestAckIsWhatGeneratedCodeWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		gpid := base.GpidFromInt64(int64(r.Uint64()))
		e := pacifica.AckPrepare{Err: base.ErrOK, Ballot: int64(r.Uint64()), Decree: int64(r.Uint64()), LastCommitted: int64(r.Uint64())}
		body := ackOK.append(nil, gpid.Int64(), e.Ballot, e.Decree, e.LastCommitted, e.LastCommitted)
		if want := rpc.AppendValue(nil, rpc.FieldNative, prepareAck(gpid, e)); string(body) != string(want) {
			t.Fatalf("%+v:\n%x, want\n%x", e, body, want)
		}
		if code := readAck(body); code != base.ErrOK {
			t.Fatalf("%+v reads as %v", e, code)
		}
		e.Err = base.ErrInvalidState
		if code := readAck(rpc.AppendValue(nil, rpc.FieldNative, prepareAck(gpid, e))); code != base.ErrInvalidState {
			t.Fatalf("%+v reads as %v", e, code)
		}
	}
}

// FuzzPeerLayout compares with generated code alone what is read from any bytes.
func FuzzPeerLayout(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	cfg := replicaConfig(testGpid, 3, base.AddressOf(0x7F000001, 1), pacifica.Secondary, 4)
	cfg.PopAll = true
	for _, body := range [][]byte{
		appendPrepareHead(nil, randomHead(r, pacifica.Secondary)),
		appendPrepareHead(nil, randomHead(r, pacifica.Learner)),
		rpc.AppendValue(rpc.AppendValue(nil, rpc.FieldNative, testGpid.Ptr()), rpc.FieldNative, cfg),
		ackOK.sample,
		rpc.AppendValue(nil, rpc.FieldNative, prepareAck(testGpid, pacifica.AckPrepare{Err: base.ErrInvalidState, Decree: 7})),
		{},
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want prepareHead
		cfg := metadata.NewReplicaConfiguration()
		wantRest, wantErr := rpc.ReadValue(body, &want.gpid)
		if wantErr == nil {
			wantRest, wantErr = rpc.ReadValue(wantRest, cfg)
		}
		got, rest, err := readPrepareHead(body)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, want %v", err, wantErr)
		}
		if err == nil {
			want.ballot, want.primary, want.role, want.signature = cfg.Ballot, cfg.Primary.Val(), cfg.Status, cfg.LearnerSignature
			if got != want || string(rest) != string(wantRest) {
				t.Fatalf("%+v %x, want %+v %x", got, rest, want, wantRest)
			}
		}
		var ack consensus.PrepareAck
		code := base.ErrInvalidData
		if _, err := rpc.ReadValue(body, &ack); err == nil {
			code = ack.Err.Val()
		}
		if got := readAck(body); got != code {
			t.Fatalf("%v, want %v", got, code)
		}
	})
}
