package replica

import (
	"maps"

	"github.com/pegasus-go/pegasus/replica/disk"
)

// adoptApp takes over what the meta server says about the table. It may run on any goroutine.
func (p *partition) adoptApp(app *appInfo) {
	old := p.app.Load()
	if app == nil || app == old || sameApp(old, app) {
		return
	}
	p.mail.put(item{run: func() {
		if sameApp(p.app.Load(), app) {
			return
		}
		if err := disk.WriteAppInfo(p.srv.opts.FS, p.dir, app); err != nil {
			p.log.Error("write app info", "err", err)
			return
		}
		p.app.Store(app)
		p.gates.Store(newGates(app, p.gates.Load()))
		p.core.SetMaxReplicaCount(app.MaxReplicaCount)
		p.applyEnvs(app)
	}})
}

func sameApp(a, b *appInfo) bool {
	return a.AppName == b.AppName && a.PartitionCount == b.PartitionCount && a.MaxReplicaCount == b.MaxReplicaCount &&
		a.Status == b.Status && a.GetDuplicating() == b.GetDuplicating() && a.GetAtomicIdempotent() == b.GetAtomicIdempotent() && maps.Equal(a.Envs, b.Envs)
}

// applyEnvs passes the envs on to core and store.
func (p *partition) applyEnvs(app *appInfo) {
	envs := &p.gates.Load().envs
	for _, problem := range envs.Problems {
		p.log.Warn("table environment is not in force", "problem", problem)
	}
	p.core.SetDefaultTTL(envs.DefaultTTLSeconds)
	p.store.Load().SetEnvs(app.Envs)
	p.compactLater()
}
