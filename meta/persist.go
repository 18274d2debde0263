package meta

import (
	"context"
	"errors"
	"sync"

	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/internal/host"
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
	mu   sync.Mutex
	list []write
	some chan struct{} // holds one while list is not empty; one who takes a write passes it on
}

func newWriteQueue() writeQueue { return writeQueue{some: make(chan struct{}, 1)} }

func (q *writeQueue) push(w write) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, w)
	q.signal()
}

// signal wakes a worker. Called with mu held.
func (q *writeQueue) signal() {
	select {
	case q.some <- struct{}{}:
	default:
	}
}

// pop waits for a write; false when done is closed.
func (q *writeQueue) pop(on host.Host, done <-chan struct{}) (w write, ok bool) {
	for on.Wait(host.Forever, done, q.some) == 1 {
		if w, ok = q.take(); ok {
			return w, true
		}
	}
	return write{}, false
}

func (q *writeQueue) take() (w write, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return write{}, false
	}
	w = q.list[0]
	q.list = q.list[1:]
	if len(q.list) > 0 {
		q.signal()
	}
	return w, true
}

// persistLoop writes and tells the core, until the term ends.
func (t *term) persistLoop() {
	for {
		w, ok := t.writes.pop(t.s.host, t.ctx.Done())
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
		ctx, cancel := t.s.host.WithTimeout(t.ctx, t.s.opts.StoreTimeout)
		err := t.tree.put(ctx, path, data, isNew)
		cancel()
		switch {
		case err == nil:
			return true
		case t.ctx.Err() != nil:
			return false
		case errors.Is(err, zkmeta.ErrTimeout) || errors.Is(err, context.DeadlineExceeded):
			t.s.opts.Logger.Warn("meta: write timed out, trying again", "path", path, "error", err)
			host.Sleep(t.s.host, t.ctx, t.s.opts.StoreRetry)
		default:
			t.stepDown("write "+path, err)
			return false
		}
	}
}
