package base

import (
	"context"

	"github.com/apache/thrift/lib/go/thrift"
)

// TaskCode is the name of an RPC or task, e.g. "RPC_RRDB_RRDB_PUT".
type TaskCode struct {
	Name string
}

// NewTaskCode returns an empty code; generated code calls it.
func NewTaskCode() *TaskCode { return &TaskCode{} }

func (c *TaskCode) Read(ctx context.Context, p thrift.TProtocol) error {
	name, err := p.ReadString(ctx)
	if err == nil {
		c.Name = name
	}
	return err
}

func (c *TaskCode) Write(ctx context.Context, p thrift.TProtocol) error {
	return p.WriteString(ctx, c.String())
}

func (c *TaskCode) String() string {
	if c == nil {
		return "TASK_CODE_INVALID"
	}
	return c.Name
}

// Equals compares names; generated code calls it.
func (c *TaskCode) Equals(o *TaskCode) bool { return c.String() == o.String() }
