package meta

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// Data of the node above all tables. While the default tables are being written it says lock, so
// that half of them are never taken for all.
const appsLocked, appsUnlocked = "lock", "unlock"

// tree knows the paths of the state and what stands there (meta.md 2).
type tree struct {
	store zkmeta.Store
	apps  string // path of the node above all tables
}

func newTree(store zkmeta.Store, root string) tree {
	return tree{store: store, apps: strings.TrimRight(root, "/") + "/apps"}
}

func (t tree) appPath(id int32) string { return t.apps + "/" + strconv.Itoa(int(id)) }

func (t tree) partitionPath(g base.Gpid) string {
	return t.appPath(g.AppID) + "/" + strconv.Itoa(int(g.PartitionIndex))
}

// put writes a node, creating it when it is missing.
func (t tree) put(ctx context.Context, path string, data []byte, likelyNew bool) error {
	if !likelyNew {
		err := t.store.Set(ctx, path, data)
		if !errors.Is(err, zkmeta.ErrNotExist) {
			return err
		}
	}
	err := t.store.Create(ctx, path, data)
	if errors.Is(err, zkmeta.ErrExists) {
		return t.store.Set(ctx, path, data)
	}
	return err
}

// loaded is what the tree holds.
type loaded struct {
	apps  []cluster.LoadedApp
	names map[base.RPCAddress]base.HostPort // names of servers found in hp_* fields
	idle  []string                          // what stands there that this version leaves alone
}

var errNotInitialized = errors.New("the tree holds no tables yet")

// load reads all tables and partitions. errNotInitialized: the default tables are still to be
// written, with initialize.
func (t tree) load(ctx context.Context) (*loaded, error) {
	data, err := t.store.Get(ctx, t.apps)
	switch {
	case errors.Is(err, zkmeta.ErrNotExist):
		return nil, errNotInitialized
	case err != nil:
		return nil, err
	case string(data) == appsLocked:
		return nil, errNotInitialized
	case len(data) != 0 && string(data) != appsUnlocked:
		return nil, fmt.Errorf("%s holds %q, want %q", t.apps, data, appsUnlocked)
	}
	children, err := t.store.Children(ctx, t.apps)
	if err != nil {
		return nil, err
	}
	ids := make([]int, 0, len(children))
	for _, c := range children {
		id, err := strconv.ParseInt(c, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s/%s is no table", t.apps, c)
		}
		ids = append(ids, int(id))
	}
	sort.Ints(ids)
	l := &loaded{apps: make([]cluster.LoadedApp, len(ids)), names: map[base.RPCAddress]base.HostPort{}}
	if err := t.loadApps(ctx, l, ids); err != nil {
		return nil, err
	}
	if err := t.loadPartitions(ctx, l); err != nil {
		return nil, err
	}
	for _, id := range ids {
		dups := t.appPath(int32(id)) + "/duplication"
		switch list, err := t.store.Children(ctx, dups); {
		case err == nil && len(list) > 0:
			l.idle = append(l.idle, dups)
		case err != nil && !errors.Is(err, zkmeta.ErrNotExist):
			return nil, err
		}
	}
	return l, nil
}

// loadApps reads the nodes of the tables.
func (t tree) loadApps(ctx context.Context, l *loaded, ids []int) error {
	paths := make([]string, len(ids))
	for i, id := range ids {
		paths[i] = t.appPath(int32(id))
	}
	return t.store.GetEach(ctx, paths, func(i int, data []byte, exists bool) (err error) {
		if !exists {
			return fmt.Errorf("%s: %w", paths[i], zkmeta.ErrNotExist)
		}
		app := &l.apps[i]
		if app.Info, err = decodeApp(data); err != nil {
			return fmt.Errorf("%s: %w", paths[i], err)
		}
		if app.Info.AppID != int32(ids[i]) {
			return fmt.Errorf("%s: holds table %d", paths[i], app.Info.AppID)
		}
		return nil
	})
}

// loadPartitions reads the nodes of all partitions; one that is missing stays nil.
func (t tree) loadPartitions(ctx context.Context, l *loaded) error {
	var paths []string
	var into []**cluster.Config
	for i := range l.apps {
		app := &l.apps[i]
		app.Partitions = make([]*cluster.Config, app.Info.PartitionCount)
		for p := range app.Partitions {
			paths = append(paths, t.partitionPath(base.Gpid{AppID: app.Info.AppID, PartitionIndex: int32(p)}))
			into = append(into, &app.Partitions[p])
		}
	}
	return t.store.GetEach(ctx, paths, func(i int, data []byte, exists bool) (err error) {
		if !exists {
			return nil
		}
		if *into[i], err = decodeConfig(data, l.names); err != nil {
			return fmt.Errorf("%s: %w", paths[i], err)
		}
		return nil
	})
}

// initialize writes the default tables. It may find what an earlier attempt left.
func (t tree) initialize(ctx context.Context, apps []cluster.LoadedApp) error {
	if err := t.store.CreateAll(ctx, t.apps, []byte(appsLocked)); err != nil {
		return err
	}
	if err := t.store.Set(ctx, t.apps, []byte(appsLocked)); err != nil {
		return err
	}
	for _, a := range apps {
		if err := t.put(ctx, t.appPath(a.Info.AppID), encodeApp(a.Info), true); err != nil {
			return err
		}
		for _, c := range a.Partitions {
			if err := t.put(ctx, t.partitionPath(c.Pid), encodeConfig(c, nil), true); err != nil {
				return err
			}
		}
	}
	return t.store.Set(ctx, t.apps, []byte(appsUnlocked))
}

// load fills the core from the tree. It tries again until it succeeds or the term ends; a tree that
// cannot be understood ends the term, because guessing would destroy it.
func (t *term) load() bool {
	for t.ctx.Err() == nil {
		l, err := t.tree.load(t.ctx)
		if errors.Is(err, errNotInitialized) {
			t.s.opts.Logger.Info("meta: first start, writing the default tables", "tables", len(t.s.opts.DefaultApps))
			if err = t.tree.initialize(t.ctx, cluster.NewDefaultApps(t.s.now(), t.s.opts.DefaultApps)); err == nil {
				continue
			}
		}
		if err == nil {
			for _, path := range l.idle {
				t.s.opts.Logger.Warn("meta: duplications of the original are not carried on", "path", path)
			}
			t.do(func(now int64) {
				for n, hp := range l.names {
					t.core.SetHostPort(n, hp)
				}
				err = t.core.Load(now, l.apps)
			})
		}
		if err == nil {
			return true
		}
		if t.ctx.Err() == nil {
			t.s.opts.Logger.Error("meta: loading the state failed", "error", err)
		}
		if !errors.Is(err, zkmeta.ErrTimeout) && !errors.Is(err, context.DeadlineExceeded) {
			host.Sleep(t.s.host, t.ctx, t.s.opts.StoreRetry)
			return false
		}
		host.Sleep(t.s.host, t.ctx, t.s.opts.StoreRetry)
	}
	return false
}
