package zkmeta

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/samuel/go-zookeeper/zk"
)

// openACL is what C++ metas give every node.
var openACL = zk.WorldACL(zk.PermAll)

// deleteOpsMax bounds one transaction of DeleteAll.
const deleteOpsMax = 512

func (z *ZooKeeper) Get(ctx context.Context, path string) ([]byte, error) {
	data, err := zkRead(ctx, z, path, func(c *zk.Conn) ([]byte, error) {
		data, _, err := c.Get(path)
		return data, err
	})
	return data, wrap("get", path, err)
}

func (z *ZooKeeper) Children(ctx context.Context, path string) ([]string, error) {
	names, err := zkRead(ctx, z, path, func(c *zk.Conn) ([]string, error) {
		names, _, err := c.Children(path)
		return names, err
	})
	slices.Sort(names)
	return names, wrap("children", path, err)
}

// zkRead gives an answer only when the lease was valid before and after.
func zkRead[T any](ctx context.Context, z *ZooKeeper, path string, request func(*zk.Conn) (T, error)) (T, error) {
	var none T
	if err := CheckPath(path); err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	lease, err := z.leading()
	if err != nil {
		return none, err
	}
	v, err := zkCall(ctx, z, request)
	if err == nil && !lease.Valid() {
		err = ErrNotLeader
	}
	if err != nil {
		return none, err
	}
	return v, nil
}

func (z *ZooKeeper) Create(ctx context.Context, path string, data []byte) error {
	return wrap("create", path, z.single(ctx, Op{OpCreate, path, data}))
}

func (z *ZooKeeper) Set(ctx context.Context, path string, data []byte) error {
	return wrap("set", path, z.single(ctx, Op{OpSet, path, data}))
}

func (z *ZooKeeper) Delete(ctx context.Context, path string) error {
	return wrap("delete", path, z.single(ctx, Op{Kind: OpDelete, Path: path}))
}

func (z *ZooKeeper) single(ctx context.Context, op Op) error {
	err := z.txn(ctx, []Op{op})
	var te *TxnError
	if errors.As(err, &te) {
		return te.Err
	}
	return err
}

func (z *ZooKeeper) Txn(ctx context.Context, ops []Op) error {
	return wrap("txn", "", z.txn(ctx, ops))
}

// txn sends the operations behind a check that the lock node of the lease still
// exists. Its name is never used twice, so the server itself refuses the writes
// of a deposed leader, however late they arrive.
func (z *ZooKeeper) txn(ctx context.Context, ops []Op) error {
	if err := checkTxn(ops); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	lease, err := z.leading()
	if err != nil || len(ops) == 0 {
		return err
	}
	requests := make([]any, 0, 1+len(ops))
	requests = append(requests, &zk.CheckVersionRequest{Path: lease.node, Version: 0})
	for _, op := range ops {
		requests = append(requests, zkRequest(op))
	}
	failed, err := zkCall(ctx, z, func(c *zk.Conn) (int, error) {
		results, err := c.Multi(requests...)
		return slices.IndexFunc(results, func(r zk.MultiResponse) bool { return r.Error != nil }), err
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrTimeout) || errors.Is(err, ErrClosed):
		return err
	case failed == 0:
		lease.lose(fmt.Sprintf("the lock node is gone: %v", err))
		return ErrNotLeader
	case failed > 0 && failed <= len(ops):
		return &TxnError{Index: failed - 1, Op: ops[failed-1], Err: err}
	}
	return err
}

// zkRequest keeps the bytes of op: the client encodes them on its own goroutine,
// perhaps after the call was given up, so it needs its own copy.
func zkRequest(op Op) any {
	switch op.Kind {
	case OpCreate:
		return &zk.CreateRequest{Path: op.Path, Data: slices.Clone(op.Data), Acl: openACL}
	case OpSet:
		return &zk.SetDataRequest{Path: op.Path, Data: slices.Clone(op.Data), Version: -1}
	}
	return &zk.DeleteRequest{Path: op.Path, Version: -1}
}

func (z *ZooKeeper) CreateAll(ctx context.Context, path string, data []byte) error {
	if err := checkCreateAll(path, data); err != nil {
		return wrap("create-all", path, err)
	}
	var missing []Op
	for _, p := range slices.Backward(ancestors(path)) {
		exists, err := zkRead(ctx, z, p, func(c *zk.Conn) (bool, error) {
			exists, _, err := c.Exists(p)
			return exists, err
		})
		if err != nil {
			return wrap("create-all", path, err)
		}
		if exists {
			break
		}
		missing = append(missing, Op{Kind: OpCreate, Path: p})
	}
	if len(missing) == 0 {
		return nil
	}
	missing[0].Data = data
	slices.Reverse(missing)
	return wrap("create-all", path, z.txn(ctx, missing))
}

func (z *ZooKeeper) DeleteAll(ctx context.Context, path string) error {
	if err := checkOp(Op{Kind: OpDelete, Path: path}); err != nil {
		return wrap("delete-all", path, err)
	}
	ops, err := z.deletions(ctx, path)
	if err != nil {
		return wrap("delete-all", path, err)
	}
	for len(ops) > 0 {
		n := chunk(ops)
		if err := z.txn(ctx, ops[:n]); err != nil {
			return wrap("delete-all", path, err)
		}
		ops = ops[n:]
	}
	return nil
}

// deletions walks the subtree and lists it leaves first.
func (z *ZooKeeper) deletions(ctx context.Context, path string) ([]Op, error) {
	ops := []Op{{Kind: OpDelete, Path: path}}
	for i := 0; i < len(ops); i++ {
		names, err := z.Children(ctx, ops[i].Path)
		if errors.Is(err, ErrNotExist) && i == 0 {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			ops = append(ops, Op{Kind: OpDelete, Path: Join(ops[i].Path, name)})
		}
	}
	slices.Reverse(ops)
	return ops, nil
}

// chunk says how many operations fit into one transaction.
func chunk(ops []Op) int {
	size := 0
	for i, op := range ops {
		size += opBytes(op)
		if i == deleteOpsMax || size > TxnBytesMax {
			return i
		}
	}
	return len(ops)
}
