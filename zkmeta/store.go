package zkmeta

import (
	"context"
	"errors"
	"fmt"
)

// Limits of both backends. ZooKeeper refuses packets of 1 MiB and more; the
// rest of that MiB is left for paths, headers and the fencing check.
const (
	// DataBytesMax bounds the data of one node.
	DataBytesMax = 1<<20 - TxnOverheadBytes
	// TxnBytesMax bounds one transaction: paths and data of all operations,
	// plus opOverheadBytes for each.
	TxnBytesMax = 1<<20 - TxnOverheadBytes
	// TxnOverheadBytes is what a transaction may need beside its operations.
	TxnOverheadBytes = 16 << 10
	// PathBytesMax bounds a path.
	PathBytesMax = 4096

	// opOverheadBytes covers the header, lengths and access list that each
	// operation costs in a ZooKeeper packet.
	opOverheadBytes = 80
)

// The classes of failure. Test with errors.Is; the error itself is an *Error.
var (
	// ErrNotExist: the node, or the parent of a node to create, is missing.
	ErrNotExist = errors.New("node does not exist")
	// ErrExists: the node to create is there already.
	ErrExists = errors.New("node exists")
	// ErrNotEmpty: the node to delete has children.
	ErrNotEmpty = errors.New("node has children")
	// ErrInvalid: a malformed path or transaction.
	ErrInvalid = errors.New("invalid argument")
	// ErrTooLarge: a named limit would be exceeded.
	ErrTooLarge = errors.New("too large")
	// ErrNotLeader: this handle does not hold the lease; nothing was changed by
	// this call.
	ErrNotLeader = errors.New("not the leader")
	// ErrTimeout: no answer in time. A write may or may not take effect.
	ErrTimeout = errors.New("timeout, outcome unknown")
	// ErrCorrupt: what is on disk is not what was written. The embedded store
	// does not open, and does not guess.
	ErrCorrupt = errors.New("corrupt state")
	// ErrClosed: the handle was closed.
	ErrClosed = errors.New("closed")
	// ErrBusy: this handle campaigns or leads already.
	ErrBusy = errors.New("already campaigning or leading")
)

// Error says which operation failed, where and why.
type Error struct {
	Op   string // "get", "set", "txn", "campaign", ...
	Path string // may be empty
	Err  error  // wraps one of the classes above where one fits
}

func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("zkmeta %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("zkmeta %s %s: %v", e.Op, e.Path, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	return &Error{Op: op, Path: path, Err: err}
}

// OpKind is what one operation of a transaction does.
type OpKind uint8

// The operations of a transaction.
const (
	OpCreate OpKind = 1 + iota
	OpSet
	OpDelete
)

func (k OpKind) String() string {
	switch k {
	case OpCreate:
		return "create"
	case OpSet:
		return "set"
	case OpDelete:
		return "delete"
	}
	return fmt.Sprintf("op(%d)", uint8(k))
}

// Op is one operation of a transaction. Later operations see earlier ones, so a
// parent and its children may be created together.
type Op struct {
	Kind OpKind
	Path string
	Data []byte // unused by OpDelete
}

// TxnError names the operation that made a transaction fail.
type TxnError struct {
	Index int // position in the slice given to Txn
	Op    Op
	Err   error
}

func (e *TxnError) Error() string {
	return fmt.Sprintf("operation %d (%s %s): %v", e.Index, e.Op.Kind, e.Op.Path, e.Err)
}

func (e *TxnError) Unwrap() error { return e.Err }

// Store is the tree. Paths are absolute, components separated by one slash, no
// slash at the end; "/" exists always. Data handed in is not kept after return;
// data handed out belongs to the caller. Nil and empty data are the same.
//
// All calls need the lease of this handle (see [Election]). They are safe for
// concurrent use; writes started one after the other take effect in that order.
type Store interface {
	// Get returns the data of a node, or ErrNotExist.
	Get(ctx context.Context, path string) ([]byte, error)
	// GetEach reads many nodes faster than Get does and calls f with each, in the order of paths; data is valid during the
	// call. A missing node is no error. It ends with the first error, that of f included.
	GetEach(ctx context.Context, paths []string, f func(i int, data []byte, exists bool) error) error
	// Children returns the names (last components) of the children, sorted as
	// strings, or ErrNotExist.
	Children(ctx context.Context, path string) ([]string, error)
	// Create makes a node: ErrExists when it is there, ErrNotExist when the
	// parent is not.
	Create(ctx context.Context, path string, data []byte) error
	// CreateAll makes a node and the ancestors it lacks, those with empty data.
	// An existing node is left as it is, its data included.
	CreateAll(ctx context.Context, path string, data []byte) error
	// Set replaces the data of a node, or ErrNotExist.
	Set(ctx context.Context, path string, data []byte) error
	// Delete removes a node: ErrNotExist, or ErrNotEmpty when it has children.
	Delete(ctx context.Context, path string) error
	// DeleteAll removes a node and everything below it, leaves first; a missing
	// node is no error. On ZooKeeper a large subtree goes in several
	// transactions, so a failure can leave part of it.
	DeleteAll(ctx context.Context, path string) error
	// Txn does all operations or none. The error wraps a *TxnError when one of
	// the operations was the reason.
	Txn(ctx context.Context, ops []Op) error
	// Close gives up the lease, if held, and ends the handle.
	Close() error
}

// Election chooses one leader among the candidates on the same store.
type Election interface {
	// Campaign blocks until this handle leads, ctx ends or the handle is closed.
	// self is the candidate's "host:port" as others should see it. Call it only
	// once the process listens there: a lock that an earlier life left under the
	// same address is taken over without waiting for its session to expire.
	Campaign(ctx context.Context, self string) (Lease, error)
	// Leader returns the current leader's "host:port" as far as it is known
	// here, without waiting for anybody. It is a hint: the leader may have
	// changed since.
	Leader(ctx context.Context) (addr string, known bool, err error)
}

// Lease is leadership held.
type Lease interface {
	// Lost is closed when leadership ended, for whatever reason.
	Lost() <-chan struct{}
	// Valid says whether leadership is provable at this instant. It can turn
	// false shortly before Lost is closed, never the other way round.
	Valid() bool
	// Resign gives leadership up. Lost is closed before anybody else can win.
	// Further calls do nothing.
	Resign()
}

// Backend is a handle on one of the implementations.
type Backend interface {
	Store
	Election
}

var (
	_ Backend = (*Embedded)(nil)
	_ Backend = (*ZooKeeper)(nil)
)
