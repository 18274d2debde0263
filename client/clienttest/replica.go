package clienttest

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/command"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
	"github.com/pegasus-go/pegasus/rpc"
)

// serveReplica installs the handlers of replica server i.
func (c *Cluster) serveReplica(i int, s *rpc.Server) {
	s.HandleStorage(func(r *rpc.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.troubled(r) {
			return
		}
		p := c.partition(r.Gpid)
		switch {
		case p == nil:
			r.ReplyError(base.ErrObjectNotFound)
		case p.cfg.GetPrimary().Val() != c.replicas[i].addr:
			r.ReplyError(base.ErrInvalidState)
		default:
			(&serving{c, p, r, c.replicas[i].addr.String(), base.EpochSeconds(time.Now())}).serve()
		}
	})
	s.Handle("RPC_CLI_CLI_CALL", c.remoteCommand)
}

// remoteCommand knows `echo` and two answers of real servers.
func (c *Cluster) remoteCommand(r *rpc.Request) {
	cmd := command.NewCommand()
	if err := r.Decode(cmd); err != nil {
		r.ReplyError(base.ErrInvalidData)
		return
	}
	switch cmd.Cmd {
	case "echo":
		r.ReplyString(strconv.Quote(cmd.String()))
	case "server-info":
		r.ReplyString(`{"build_type":"Release","git_SHA":"abc","start_time":"2026-11-22 13:12:26","version":"1.0"}`)
	case "flush-log":
		r.ReplyString("Flush done.")
	default:
		r.ReplyString("unknown command '" + cmd.Cmd + "'")
	}
}

func (c *Cluster) partition(g base.Gpid) *partition {
	for _, a := range c.apps {
		if a.info.AppID == g.AppID && g.PartitionIndex >= 0 && int(g.PartitionIndex) < len(a.parts) {
			return a.parts[g.PartitionIndex]
		}
	}
	return nil
}

// serving is one request at the primary; the cluster's lock is held.
type serving struct {
	c   *Cluster
	p   *partition
	r   *rpc.Request
	at  string
	now uint32
}

func (s *serving) serve() {
	switch s.r.Name {
	case "RPC_RRDB_RRDB_GET":
		s.get()
	case "RPC_RRDB_RRDB_TTL":
		s.ttl()
	case "RPC_RRDB_RRDB_MULTI_GET":
		s.multiGet()
	case "RPC_RRDB_RRDB_BATCH_GET":
		s.batchGet()
	case "RPC_RRDB_RRDB_SORTKEY_COUNT":
		s.sortkeyCount()
	case "RPC_RRDB_RRDB_GET_SCANNER":
		s.getScanner()
	case "RPC_RRDB_RRDB_SCAN":
		s.scan()
	case "RPC_RRDB_RRDB_CLEAR_SCANNER":
		id, _, _ := rpc.ReadI64(s.r.Body)
		delete(s.p.contexts, id)
		s.r.Drop()
	default:
		s.write()
	}
}

func (s *serving) live(key []byte) (row, bool) {
	v, ok := s.p.rows[string(key)]
	return v, ok && !base.Expired(v.expireTS, s.now)
}

func (s *serving) ids() (appID, pidx int32) { return s.r.Gpid.AppID, s.r.Gpid.PartitionIndex }

func (s *serving) get() {
	key := base.NewBlob()
	s.r.Decode(key)
	resp := &rrdb.ReadResponse{Server: s.at}
	resp.AppID, resp.PartitionIndex = s.ids()
	if v, ok := s.live(key.Data); ok {
		resp.Value = base.BlobOf(v.value)
	} else {
		resp.Error = 1
	}
	s.r.Reply(resp)
}

func (s *serving) ttl() {
	key := base.NewBlob()
	s.r.Decode(key)
	resp := &rrdb.TTLResponse{Server: s.at, TTLSeconds: -1}
	resp.AppID, resp.PartitionIndex = s.ids()
	v, ok := s.live(key.Data)
	if !ok {
		resp.Error = 1
	} else if v.expireTS != 0 {
		resp.TTLSeconds = int32(v.expireTS - s.now)
	}
	s.r.Reply(resp)
}

func matches(t rrdb.FilterType, pattern, key []byte) bool {
	switch t {
	case rrdb.FilterType_FT_MATCH_ANYWHERE:
		return bytes.Contains(key, pattern)
	case rrdb.FilterType_FT_MATCH_PREFIX:
		return bytes.HasPrefix(key, pattern)
	case rrdb.FilterType_FT_MATCH_POSTFIX:
		return bytes.HasSuffix(key, pattern)
	}
	return true
}

// inHashKey lists the live sort keys of a hash key in order.
func (s *serving) inHashKey(hashKey []byte) []string {
	prefix := base.EncodeKey(hashKey, nil)
	var out []string
	for _, k := range slices.Sorted(maps.Keys(s.p.rows)) {
		if _, ok := s.live([]byte(k)); ok && bytes.HasPrefix([]byte(k), prefix) {
			out = append(out, k[len(prefix):])
		}
	}
	return out
}

func (s *serving) multiGet() {
	req := rrdb.NewMultiGetRequest()
	s.r.Decode(req)
	resp := &rrdb.MultiGetResponse{Server: s.at, Kvs: []*rrdb.KeyValue{}}
	resp.AppID, resp.PartitionIndex = s.ids()
	var wanted []string
	for _, k := range req.SortKeys {
		wanted = append(wanted, string(k.Data))
	}
	if len(req.SortKeys) == 0 {
		wanted = s.inRange(req)
	}
	for _, k := range wanted {
		v, ok := s.live(base.EncodeKey(req.HashKey.Data, []byte(k)))
		if !ok {
			continue
		}
		if req.MaxKvCount > 0 && len(resp.Kvs) == int(req.MaxKvCount) {
			resp.Error = 7
			break
		}
		kv := &rrdb.KeyValue{Key: base.BlobOf([]byte(k)), Value: base.BlobOf(nil)}
		if !req.NoValue {
			kv.Value = base.BlobOf(v.value)
		}
		resp.Kvs = append(resp.Kvs, kv)
	}
	if req.Reverse {
		slices.Reverse(resp.Kvs)
	}
	s.r.Reply(resp)
}

func (s *serving) inRange(req *rrdb.MultiGetRequest) []string {
	start, stop := string(req.StartSortkey.Bytes()), string(req.StopSortkey.Bytes())
	var out []string
	for _, k := range s.inHashKey(req.HashKey.Data) {
		late := stop != "" && (k > stop || (k == stop && !req.StopInclusive))
		if k < start || (k == start && !req.StartInclusive) || late ||
			!matches(req.SortKeyFilterType, req.SortKeyFilterPattern.Bytes(), []byte(k)) {
			continue
		}
		out = append(out, k)
	}
	if req.Reverse {
		slices.Reverse(out)
	}
	return out
}

func (s *serving) batchGet() {
	req := rrdb.NewBatchGetRequest()
	s.r.Decode(req)
	resp := &rrdb.BatchGetResponse{Server: s.at, Data: []*rrdb.FullData{}}
	resp.AppID, resp.PartitionIndex = s.ids()
	for _, k := range req.Keys {
		if v, ok := s.live(base.EncodeKey(k.HashKey.Data, k.SortKey.Data)); ok {
			resp.Data = append(resp.Data, &rrdb.FullData{HashKey: k.HashKey, SortKey: k.SortKey, Value: base.BlobOf(v.value)})
		}
	}
	s.r.Reply(resp)
}

func (s *serving) sortkeyCount() {
	key := base.NewBlob()
	s.r.Decode(key)
	resp := &rrdb.CountResponse{Server: s.at, Count: int64(len(s.inHashKey(key.Data)))}
	resp.AppID, resp.PartitionIndex = s.ids()
	s.r.Reply(resp)
}
