package zkmeta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// EmbeddedOptions are the limits of the embedded store. Zero means the default.
type EmbeddedOptions struct {
	// StateBytesMax bounds the state in memory; a write beyond fails with
	// ErrTooLarge. Default 256 MiB.
	StateBytesMax int64
	// LogBytesMax is the log size at which a snapshot is taken (later when the
	// snapshot itself is larger than this). Default 8 MiB.
	LogBytesMax int64
	// PollInterval is how often a candidate tries the lock, and how long an
	// answer of Leader is reused. Default 50 ms.
	PollInterval time.Duration
	// Logger: default slog.Default().
	Logger *slog.Logger
}

func (o *EmbeddedOptions) setDefaults() {
	if o.StateBytesMax <= 0 {
		o.StateBytesMax = 256 << 20
	}
	if o.LogBytesMax <= 0 {
		o.LogBytesMax = 8 << 20
	}
	if o.PollInterval <= 0 {
		o.PollInterval = 50 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// Embedded is one meta's handle on a directory that the metas of one machine
// share. The directory must be on a local file system: leadership is flock(2).
type Embedded struct {
	dir  string
	fs   vfs.FS // of the state; the lock is always on the operating system's
	opts EmbeddedOptions

	closed chan struct{}
	hint   leaderHint

	mu       sync.Mutex
	isClosed bool
	busy     bool // a Campaign is running
	led      *ledStore
}

// OpenEmbedded makes the directory when needed. It reads no state yet; that is
// done by whoever wins the election.
func OpenEmbedded(dir string, opts EmbeddedOptions) (*Embedded, error) {
	opts.setDefaults()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, wrap("open", dir, err)
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err == nil {
		err = errors.Join(parent.Sync(), parent.Close())
	}
	if err != nil {
		return nil, wrap("open", dir, err)
	}
	return &Embedded{dir: dir, fs: vfs.Default, opts: opts, closed: make(chan struct{})}, nil
}

// Close resigns, if leading, and ends the handle.
func (e *Embedded) Close() error {
	e.mu.Lock()
	led := e.led
	already := e.isClosed
	e.isClosed = true
	e.mu.Unlock()
	if !already {
		close(e.closed)
	}
	if led != nil {
		led.Resign()
	}
	return nil
}

// leading returns the store while this handle holds the lease.
func (e *Embedded) leading() (*ledStore, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.isClosed:
		return nil, ErrClosed
	case e.led == nil || !e.led.Valid():
		return nil, ErrNotLeader
	}
	return e.led, nil
}

func (e *Embedded) Get(ctx context.Context, path string) ([]byte, error) {
	data, err := embeddedRead(ctx, e, path, (*tree).get)
	return data, wrap("get", path, err)
}

func (e *Embedded) GetEach(ctx context.Context, paths []string, f func(i int, data []byte, exists bool) error) error {
	for i, p := range paths {
		data, err := e.Get(ctx, p)
		if err != nil && !errors.Is(err, ErrNotExist) {
			return err
		}
		if err := f(i, data, err == nil); err != nil {
			return err
		}
	}
	return nil
}

func (e *Embedded) Children(ctx context.Context, path string) ([]string, error) {
	names, err := embeddedRead(ctx, e, path, (*tree).list)
	return names, wrap("children", path, err)
}

func embeddedRead[T any](ctx context.Context, e *Embedded, path string, read func(*tree, string) (T, error)) (T, error) {
	var none T
	if err := CheckPath(path); err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	led, err := e.leading()
	if err != nil {
		return none, err
	}
	led.treeMu.RLock()
	defer led.treeMu.RUnlock()
	if led.tree == nil {
		return none, ErrNotLeader
	}
	return read(led.tree, path)
}

func (e *Embedded) Create(ctx context.Context, path string, data []byte) error {
	return wrap("create", path, e.single(ctx, Op{OpCreate, path, data}))
}

func (e *Embedded) Set(ctx context.Context, path string, data []byte) error {
	return wrap("set", path, e.single(ctx, Op{OpSet, path, data}))
}

func (e *Embedded) Delete(ctx context.Context, path string) error {
	return wrap("delete", path, e.single(ctx, Op{Kind: OpDelete, Path: path}))
}

func (e *Embedded) single(ctx context.Context, op Op) error {
	err := e.txn(ctx, []Op{op})
	var te *TxnError
	if errors.As(err, &te) {
		return te.Err
	}
	return err
}

func (e *Embedded) Txn(ctx context.Context, ops []Op) error {
	return wrap("txn", "", e.txn(ctx, ops))
}

func (e *Embedded) txn(ctx context.Context, ops []Op) error {
	if err := checkTxn(ops); err != nil {
		return err
	}
	return e.write(ctx, func(*tree) []Op { return ops })
}

func (e *Embedded) CreateAll(ctx context.Context, path string, data []byte) error {
	if err := checkCreateAll(path, data); err != nil {
		return wrap("create-all", path, err)
	}
	return wrap("create-all", path, e.write(ctx, func(t *tree) []Op {
		var ops []Op
		for _, p := range ancestors(path) {
			if t.find(p) == nil {
				ops = append(ops, Op{Kind: OpCreate, Path: p})
			}
		}
		if len(ops) > 0 {
			ops[len(ops)-1].Data = data
		}
		return ops
	}))
}

func checkCreateAll(path string, data []byte) error {
	if path == "/" {
		return nil
	}
	return checkOp(Op{OpCreate, path, data})
}

func (e *Embedded) DeleteAll(ctx context.Context, path string) error {
	if err := checkOp(Op{Kind: OpDelete, Path: path}); err != nil {
		return wrap("delete-all", path, err)
	}
	return wrap("delete-all", path, e.write(ctx, func(t *tree) []Op { return t.deletions(path) }))
}

// write hands a change to the committer and waits until it is on disk.
func (e *Embedded) write(ctx context.Context, build func(*tree) []Op) error {
	led, err := e.leading()
	if err != nil {
		return err
	}
	r := &change{build: build, done: make(chan error, 1)}
	select {
	case led.changes <- r:
	case <-led.lost:
		return ErrNotLeader
	case <-ctx.Done():
		return ctx.Err()
	}
	select { // the committer answers everything that it received
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())
	}
}
