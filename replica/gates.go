package replica

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/admission"
	"github.com/pegasus-go/pegasus/rpc"
)

// gates are the admission rules of a table, as its app envs set them. Envs and partition count
// never change; the throttles keep their own state and are nil when the table has none.
type gates struct {
	envs           admission.Envs
	partitionCount int32
	throttles      *admission.Throttles
}

// newGates keeps the state of throttles whose rules did not change.
func newGates(app *appInfo, old *gates) *gates {
	g := &gates{envs: admission.ParseEnvs(app.Envs), partitionCount: app.PartitionCount}
	var before *admission.Throttles
	if old != nil {
		before = old.throttles
	}
	e := &g.envs
	if e.WriteQPS != (admission.WindowLimits{}) || e.WriteBytes != (admission.WindowLimits{}) ||
		e.ReadQPS != (admission.WindowLimits{}) || e.BackupQPS != (admission.WindowLimits{}) || e.ReadBytes > 0 {
		g.throttles = admission.NewThrottles(g.envs, app.PartitionCount, before)
	}
	return g
}

// denied answers a request that the table's deny_client_request covers.
func (g *gates) denied(req *rpc.Request, write bool) bool {
	switch g.envs.Deny.Decide(write) {
	case admission.DenyReconfig:
		req.ReplyError(base.ErrInvalidState)
	case admission.DenyTimeout:
		req.Drop()
	default:
		return false
	}
	return true
}

// throttle carries out a verdict: true lets the request go on at once; a delayed one goes on later
// through again, a rejected one is answered.
func (p *partition) throttle(d admission.Decision, req *rpc.Request, silent bool, again func()) bool {
	switch d.Verdict {
	case admission.Pass:
		return true
	case admission.Delay:
		p.stats.throttleDelayed.Add(1)
		req.Keep()
		p.srv.host.AfterFunc(d.Wait, again)
		return false
	}
	p.stats.throttleRejected.Add(1)
	if silent {
		req.Drop()
		return false
	}
	if d.Wait <= 0 {
		req.ReplyError(base.ErrBusy)
		return false
	}
	p.srv.host.AfterFunc(d.Wait, func() { req.ReplyError(base.ErrBusy) })
	return false
}
