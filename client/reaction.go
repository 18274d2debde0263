package client

import (
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
)

// reaction is what to do about a frame error of a data request (wire.md 6.4).
type reaction struct {
	refresh bool // the routing may be stale: ask the meta
	retry   bool // try again while the deadline allows
}

// react decides by code. `atomic` operations are not repeated when the request may have been
// executed: after a timeout, a broken connection, or a code nobody foresaw. ERR_INVALID_STATE is
// repeated for them as by every other client: it is how "not primary" reads.
func react(code base.ErrorCode, atomic bool) reaction {
	switch code {
	case base.ErrOK:
		return reaction{}
	case base.ErrObjectNotFound, base.ErrParentPartitionMisused, base.ErrInvalidState:
		return reaction{refresh: true, retry: true}
	case base.ErrNotEnoughMember, base.ErrCapacityExceeded:
		return reaction{retry: !atomic}
	case base.ErrTimeout, base.ErrNetworkFailure:
		return reaction{refresh: true, retry: !atomic}
	case base.ErrBusy, base.ErrSplitting, base.ErrDiskInsufficient, base.ErrOperationDisabled,
		base.ErrHandlerNotFound, base.ErrAppNotExist, base.ErrInvalidData, base.ErrInvalidParameters,
		base.ErrACLDeny, base.ErrUnauthenticated:
		return reaction{}
	}
	return reaction{refresh: true, retry: !atomic}
}

// backoff is the pause before retry n (from 0): 8 ms doubled each time, 1 s at most.
func backoff(n int) time.Duration {
	if n > 10 {
		return backoffMax
	}
	return min(backoffMin<<n, backoffMax)
}
