package shell

import (
	"context"
	"errors"

	"github.com/pegasus-go/pegasus/client"
)

// dataCall is the table handle of one command, with the context that bounds it.
type dataCall struct {
	ctx context.Context
	*client.Table
}

func isIncomplete(err error) bool { return errors.Is(err, client.StatusIncomplete) }
