package meta

import (
	"context"
	"errors"
	"sync"

	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// write is one node to be written: a table or a partition.
type write struct {
	app    *layer2.AppInfo
	config *cluster.Config
	data   []byte // of the partition node
}

// writeQueue holds what waits for a worker. The core has at most one write per table and partition
// on its way, which bounds it.
type writeQueue struct {
	mu     sync.Mutex
	some   sync.Cond
	list   []write
	closed bool
}

func (q *writeQueue) init() { q.some.L = &q.mu }

func (q *writeQueue) push(w write) {
	q.mu.Lock()
	q.list = append(q.list, w)
	q.mu.Unlock()
	q.some.Signal()
}

func (q *writeQueue) pop() (w write, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.list) == 0 && !q.closed {
		q.some.Wait()
	}
	if q.closed {
		return write{}, false
	}
	w = q.list[0]
	q.list = q.list[1:]
	return w, true
}

func (q *writeQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.some.Broadcast()
}

// persistLoop writes and tells the core, until the term ends.
func (t *term) persistLoop() {
	for {
		w, ok := t.writes.pop()
		if !ok || !t.persist(w) {
			return
		}
		t.do(func(now int64) {
			if w.app != nil {
				t.core.AppPersisted(now, w.app.AppID)
			} else {
				t.core.PartitionPersisted(now, w.config.Pid)
			}
		})
	}
}

// persist writes one node. A timeout is repeated for as long as the term lasts: the write may have
// taken effect, and nothing else may be written there before that is known. Any other failure means
// that this meta cannot lead.
func (t *term) persist(w write) bool {
	path, data, isNew := "", w.data, false
	if w.app != nil {
		path, data = t.tree.appPath(w.app.AppID), encodeApp(w.app)
	} else {
		path, isNew = t.tree.partitionPath(w.config.Pid), w.config.Ballot == 0
	}
	for {
		ctx, cancel := context.WithTimeout(t.ctx, t.s.opts.StoreTimeout)
		err := t.tree.put(ctx, path, data, isNew)
		cancel()
		switch {
		case err == nil:
			return true
		case t.ctx.Err() != nil:
			return false
		case errors.Is(err, zkmeta.ErrTimeout) || errors.Is(err, context.DeadlineExceeded):
			t.s.opts.Logger.Warn("meta: write timed out, trying again", "path", path, "error", err)
			sleep(t.ctx, t.s.opts.StoreRetry)
		default:
			t.stepDown("write "+path, err)
			return false
		}
	}
}
