package rpc

import (
	"testing"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Requests that come without a connection are served and answered like others.
func TestDeliver(t *testing.T) {
	s := NewServer(ServerOptions{})
	defer s.Close()
	s.Handle("RPC_CM_CLUSTER_INFO", func(r *Request) {
		if r.RemoteAddr() != "10.0.0.1:1" {
			t.Errorf("comes from %s", r.RemoteAddr())
		}
		switch r.Body[0] {
		case 'b':
			r.ReplyBytes(base.ErrOK, []byte("yes"))
		case 'e':
			r.ReplyTry(func(out []byte) ([]byte, base.ErrorCode) { return append(out, "half"...), base.ErrBusy })
		case 's':
			r.ReplyString("text")
		case 'd':
			r.Drop()
		case '2':
			r.ReplyError(base.ErrBusy)
			r.ReplyError(base.ErrTimeout)
		}
	})
	for _, test := range []struct {
		name, body string
		oneWay     bool
		code       base.ErrorCode
		answer     string
		answers    int
	}{
		{name: "RPC_CM_CLUSTER_INFO", body: "b", code: base.ErrOK, answer: "yes", answers: 1},
		{name: "RPC_CM_CLUSTER_INFO", body: "e", code: base.ErrBusy, answers: 1},
		{name: "RPC_CM_CLUSTER_INFO", body: "s", code: base.ErrOK, answer: string(AppendString(nil, FieldNative, "text")), answers: 1},
		{name: "RPC_CM_CLUSTER_INFO", body: "d"},
		{name: "RPC_CM_CLUSTER_INFO", body: "b", oneWay: true},
		{name: "RPC_CM_CLUSTER_INFO", body: "2", code: base.ErrBusy, answers: 1},
		{name: "RPC_NOBODY_KNOWS", body: "b", code: base.ErrHandlerNotFound, answers: 1},
	} {
		answers := 0
		s.Deliver(Inbound{
			Call: Call{Name: test.name, Body: []byte(test.body)}, Dialect: Native, Remote: "10.0.0.1:1", OneWay: test.oneWay,
			Answered: func(code base.ErrorCode, body []byte) {
				answers++
				if code != test.code || string(body) != test.answer {
					t.Errorf("%s %s: answered %v %q", test.name, test.body, code, body)
				}
			},
		})
		if answers != test.answers {
			t.Errorf("%s %s: %d answers", test.name, test.body, answers)
		}
	}
}
