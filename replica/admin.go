package replica

import (
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/gen-go/replicaadmin"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// Requests of operators and of the meta server about what is stored here.

func (s *Server) registerAdmin() {
	s.rpc.Handle("RPC_QUERY_PN_DECREE", s.onQueryDecree)
	s.rpc.Handle("RPC_QUERY_REPLICA_INFO", s.onQueryReplicaInfo)
	s.rpc.Handle("RPC_QUERY_APP_INFO", s.onQueryAppInfo)
	s.rpc.Handle("RPC_QUERY_DISK_INFO", s.onQueryDiskInfo)
	commands := &rpc.Commands{Go: s.host.Go}
	s.registerCommands(commands)
	s.rpc.Handle("RPC_CLI_CLI_CALL", func(req *rpc.Request) {
		// Commands may walk whole stores; they do not belong on a connection's goroutine.
		req.Keep()
		if !s.readers.run(func() { commands.Handle(req) }) {
			req.ReplyError(base.ErrBusy)
		}
	})
}

func (s *Server) onQueryDecree(req *rpc.Request) {
	msg := replicaadmin.NewQueryReplicaDecreeRequest()
	if err := req.Decode(msg); err != nil || msg.Pid == nil {
		req.ReplyError(base.ErrInvalidData)
		return
	}
	resp := &replicaadmin.QueryReplicaDecreeResponse{Err: base.ErrObjectNotFound.Ptr()}
	if p := s.partition(*msg.Pid); p != nil {
		resp.Err = base.ErrOK.Ptr()
		if v := p.view.Load(); v.status != pacifica.Learner {
			resp.LastDecree = v.lastCommitted
		}
	}
	req.Reply(resp)
}

func (s *Server) onQueryReplicaInfo(req *rpc.Request) {
	req.Reply(&replicaadmin.QueryReplicaInfoResponse{Err: base.ErrOK.Ptr(), Replicas: s.replicaInfos()})
}

func (s *Server) onQueryAppInfo(req *rpc.Request) {
	resp := &metaadmin.QueryAppInfoResponse{Err: base.ErrOK.Ptr()}
	seen := map[int32]bool{}
	for _, p := range s.partitions() {
		if app := p.app.Load(); !seen[app.AppID] {
			seen[app.AppID] = true
			resp.Apps = append(resp.Apps, app)
		}
	}
	req.Reply(resp)
}

func (s *Server) onQueryDiskInfo(req *rpc.Request) {
	msg := replicaadmin.NewQueryDiskInfoRequest()
	if err := req.Decode(msg); err != nil {
		req.ReplyError(base.ErrInvalidData)
		return
	}
	resp := replicaadmin.NewQueryDiskInfoResponse()
	resp.Err = base.ErrOK.Ptr()
	byTag := map[string]*replicaadmin.DiskInfo{}
	for _, d := range s.disks.Disks() {
		info := &replicaadmin.DiskInfo{
			Tag: d.Tag, FullDir: d.Path, DiskCapacityMb: d.CapacityMB, DiskAvailableMb: d.AvailableMB,
			HoldingPrimaryReplicas: map[int32][]*base.Gpid{}, HoldingSecondaryReplicas: map[int32][]*base.Gpid{},
		}
		byTag[d.Tag] = info
		resp.DiskInfos = append(resp.DiskInfos, info)
		resp.TotalCapacityMb += d.CapacityMB
		resp.TotalAvailableMb += d.AvailableMB
	}
	found := msg.AppName == ""
	for _, p := range s.partitions() {
		app := p.app.Load()
		if msg.AppName != "" && app.AppName != msg.AppName {
			continue
		}
		found = true
		info := byTag[s.disks.TagOf(p.dir)]
		if info == nil {
			continue
		}
		switch p.view.Load().status {
		case pacifica.Primary:
			info.HoldingPrimaryReplicas[app.AppID] = append(info.HoldingPrimaryReplicas[app.AppID], p.gpid.Ptr())
		case pacifica.Secondary:
			info.HoldingSecondaryReplicas[app.AppID] = append(info.HoldingSecondaryReplicas[app.AppID], p.gpid.Ptr())
		}
	}
	if !found {
		resp.Err = base.ErrObjectNotFound.Ptr()
		resp.DiskInfos = nil
	}
	req.Reply(resp)
}
