package rpc

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/security"
)

// NegotiationDisabled answers RPC_NEGOTIATION where authentication is off: SASL_AUTH_DISABLE,
// whatever was asked (wire.md §9.3).
func NegotiationDisabled(r *Request) {
	var ask security.NegotiationRequest
	if err := r.Decode(&ask); err != nil {
		r.ReplyError(base.ErrInvalidData)
		return
	}
	r.Reply(&security.NegotiationResponse{
		Status: security.NegotiationStatus_SASL_AUTH_DISABLE,
		Msg:    base.NewBlob(),
	})
}
