package shell

import (
	"errors"
	"fmt"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// codeName is what stands behind "error=": the dsn code, ERR_UNKNOWN when there is none.
func codeName(err error) string { return client.CodeOf(err).Name }

// dataErrorTexts are the words for frame errors of data operations.
var dataErrorTexts = map[base.ErrorCode]string{
	base.ErrTimeout:           "timeout",
	base.ErrObjectNotFound:    "object not found",
	base.ErrNetworkFailure:    "network failure",
	base.ErrHandlerNotFound:   "handler not found",
	base.ErrOperationDisabled: "operation disabled",
	base.ErrNotEnoughMember:   "not enough members",
	base.ErrAppNotExist:       "app not exist",
	base.ErrInvalidState:      "server changed",
	base.ErrBusy:              "app busy",
	base.ErrSplitting:         "app is splitting",
	base.ErrDiskInsufficient:  "disk insufficient",
	base.ErrACLDeny:           "permission denied",
}

// dataErrorText is what stands behind "ERROR: " of a data command.
func dataErrorText(err error) string {
	var e *client.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Code == base.ErrOK {
		return e.Status.Error()
	}
	if e.Code == base.ErrInvalidParameters && e.Hint != "" {
		return e.Hint
	}
	if text, ok := dataErrorTexts[e.Code]; ok {
		return text
	}
	return e.Code.Name
}

// clientError tells a data command's error and returns errTold.
func (s *session) clientError(err error) error {
	fmt.Fprintf(s.errw, "ERROR: %s\n", dataErrorText(err))
	return errTold
}
