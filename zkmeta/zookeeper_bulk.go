package zkmeta

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// A chunk is what is asked for with one request: so many nodes, or so many bytes of paths.
const (
	chunkNodes     = 128
	chunkPathBytes = 128 << 10
)

// readsAtOnce bounds the nodes read at the same time when each needs a request of its own.
const readsAtOnce = 32

// found is what reading one node has shown.
type found struct {
	data   []byte
	exists bool
}

// GetEach reads with as few requests as the server allows: from version 3.6 on it takes many nodes with one. Whatever
// goes wrong with that, the rest is read node by node.
func (z *ZooKeeper) GetEach(ctx context.Context, paths []string, f func(i int, data []byte, exists bool) error) error {
	for _, p := range paths {
		if err := CheckPath(p); err != nil {
			return wrap("get-each", p, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return wrap("get-each", "", err)
	}
	lease, err := z.leading()
	if err != nil || len(paths) == 0 {
		return wrap("get-each", "", err)
	}
	many, err := z.openMultiReader(ctx)
	if err == nil {
		defer many.close()
	}
	chunks, at := chunksOf(paths), 0
	for i, chunk := range chunks {
		var nodes []found
		if err == nil {
			if nodes, err = many.read(chunks, i); err != nil {
				z.opts.Logger.Info("zkmeta: reading node by node, which takes longer", "err", err)
			}
		}
		if err != nil {
			var e error
			if nodes, e = z.getAll(ctx, chunk); e != nil {
				return e
			}
		}
		if !lease.Valid() {
			return wrap("get-each", chunk[0], ErrNotLeader)
		}
		for _, n := range nodes {
			if err := f(at, n.data, n.exists); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

func chunksOf(paths []string) (chunks [][]string) {
	for len(paths) > 0 {
		n, size := 0, 0
		for n < min(len(paths), chunkNodes) && (n == 0 || size+len(paths[n]) <= chunkPathBytes) {
			size += len(paths[n])
			n++
		}
		chunks, paths = append(chunks, paths[:n]), paths[n:]
	}
	return chunks
}

// getAll reads nodes with a request for each.
func (z *ZooKeeper) getAll(ctx context.Context, paths []string) ([]found, error) {
	nodes, errs, slots := make([]found, len(paths)), make([]error, len(paths)), make(chan struct{}, readsAtOnce)
	var reads sync.WaitGroup
	for i, p := range paths {
		slots <- struct{}{}
		reads.Go(func() {
			defer func() { <-slots }()
			data, err := z.Get(ctx, p)
			if errors.Is(err, ErrNotExist) {
				return
			}
			nodes[i], errs[i] = found{data, true}, err
		})
	}
	reads.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// openMultiReader connects to the server that the session is with.
func (z *ZooKeeper) openMultiReader(ctx context.Context) (*multiReader, error) {
	server := z.conn.Server()
	m, err := dialMultiReader(ctx, server, z.opts.SessionTimeout, z.opts.CallTimeout, z.lockDir)
	if err != nil {
		z.opts.Logger.Info("zkmeta: no second session", "server", server, "err", err)
		return nil, fmt.Errorf("no second session with %s: %w", server, err)
	}
	return m, nil
}
