package replica

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/rpc"
)

// replicaIDs is the usage of commands for some replicas.
const replicaIDs = "[id1,id2,...] with id = app_id or app_id.partition_index"

// digestTimeout bounds a digest; it reads a whole partition.
const digestTimeout = 10 * time.Minute

// registerCommands offers the remote commands (ops.md 7.3).
func (s *Server) registerCommands(c *rpc.Commands) {
	s.registerRates(c)
	c.RegisterUsage("replica.kill_partition", "[app_id [partition_index]]", "make replicas fail as if their storage had", s.killPartition)
	c.RegisterUsage("replica.deny-client", "[true|false]", "turn all clients away", func(args []string) string {
		return setBool("replica.deny-client", args, s.denyClients.Load, s.denyClients.Store)
	})
	c.Register("server-info", "show version and start time", func([]string) string {
		return compact(struct {
			BuildType string `json:"build_type"`
			SHA       string `json:"git_SHA"`
			Start     string `json:"start_time"`
			Version   string `json:"version"`
		}{"Release", s.opts.GitCommit, time.UnixMilli(s.startUnixMs).Format("2006-01-02 15:04:05"), s.opts.Version})
	})
	c.Register("memory", "show what the parts of the server's memory may hold and hold now", func([]string) string { return s.memoryText() })
	// Log lines are written as they come; there is nothing to flush.
	c.Register("flush-log", "flush the log", func([]string) string { return "Flush done." })
	group := func(name, help string, all bool, one func(p *partition) string) {
		c.RegisterUsage(name, replicaIDs, help, func(args []string) string {
			return s.forReplicas(args, all, one)
		})
	}
	c.RegisterUsage("replica.trigger-checkpoint", replicaIDs, "flush the stores now, one after the other", s.triggerCheckpoint)
	group("replica.query-progress", "show how far log and storage are", true, func(p *partition) string { return p.progress() })
	group("replica.query-compact", "show the last manual compaction and the one under way", true, func(p *partition) string { return p.compactionText() })
	group("replica.query-app-envs", "show the table environments in force", false, func(p *partition) string {
		var out []string
		for k, v := range p.app.Load().Envs {
			out = append(out, k+"="+v)
		}
		sort.Strings(out)
		return strings.Join(out, ",")
	})
	group("replica.enable-plog-gc", "let log files be collected", true, func(p *partition) string {
		p.keepLog.Store(false)
		return "plog gc enabled"
	})
	group("replica.disable-plog-gc", "keep all log files", true, func(p *partition) string {
		p.keepLog.Store(true)
		return "plog gc disabled"
	})
	group("replica.query-plog-gc-enabled-status", "show whether log files are collected", true, func(p *partition) string {
		if p.keepLog.Load() {
			return "disabled"
		}
		return "enabled"
	})
	group("replica.digest", "checksum of the rows alive at the last applied decree; equal on all members at the same decree", false, func(p *partition) string {
		ctx, cancel := s.host.WithTimeout(s.ctx, digestTimeout)
		defer cancel()
		d, err := p.store.Load().Digest(ctx)
		if err != nil {
			return err.Error()
		}
		return compact(map[string]any{"decree": d.Decree, "timestamp_us": d.TimestampUs, "rows": d.Rows, "digest": d.Sum})
	})
}

// setBool is a switch with the answers of the original (ops.md 7).
func setBool(name string, args []string, get func() bool, set func(bool)) string {
	answer := func(err string, more ...string) string {
		m := map[string]any{"error": err}
		for _, v := range more {
			m[name] = v
		}
		return indented(m)
	}
	switch {
	case len(args) == 0:
		return answer("ok", strconv.FormatBool(get()))
	case len(args) > 1:
		return answer("ERR: invalid arguments, only one boolean argument is acceptable")
	}
	switch strings.ToLower(args[0]) {
	case "true", "false":
		set(strings.EqualFold(args[0], "true"))
		return answer("ok")
	}
	return answer(fmt.Sprintf("ERR: invalid arguments, '%s' is not a boolean", args[0]))
}

// indented renders what cannot fail to encode, as the original does.
func indented(v any) string {
	out, _ := json.MarshalIndent(v, "", "  ")
	return string(out) + "\n"
}

// compact renders what cannot fail to encode.
func compact(v any) string {
	out, _ := json.Marshal(v)
	return string(out)
}

func (s *Server) killPartition(args []string) string {
	if len(args) > 2 {
		return base.ErrInvalidParameters.Name
	}
	want := base.Gpid{AppID: -1, PartitionIndex: -1}
	for i, arg := range args {
		n, err := strconv.ParseInt(arg, 10, 32)
		if err != nil {
			return base.ErrInvalidParameters.Name
		}
		if i == 0 {
			want.AppID = int32(n)
		} else {
			want.PartitionIndex = int32(n)
		}
	}
	killed := 0
	for _, p := range s.partitions() {
		if (want.AppID == -1 || p.gpid.AppID == want.AppID) && (want.PartitionIndex == -1 || p.gpid.PartitionIndex == want.PartitionIndex) {
			p.post(pacifica.Failed{Err: fmt.Errorf("replica.kill_partition: failure asked for by an operator")})
			killed++
		}
	}
	if killed == 0 && want.PartitionIndex != -1 {
		return base.ErrObjectNotFound.Name
	}
	return base.ErrOK.Name
}

// forReplicas runs a command on the wanted replicas and renders one line each.
func (s *Server) forReplicas(args []string, all bool, one func(*partition) string) string {
	apps, gpids := map[int32]bool{}, map[base.Gpid]bool{}
	for _, arg := range args {
		for _, id := range strings.Split(arg, ",") {
			if id == "" {
				continue
			}
			if g, err := base.ParseGpid(id); err == nil {
				gpids[g] = true
			} else if n, err := strconv.ParseInt(id, 10, 32); err == nil {
				apps[int32(n)] = true
			} else {
				return "invalid arguments"
			}
		}
	}
	var lines []string
	for _, p := range s.partitions() {
		v := p.view.Load()
		wanted := len(apps)+len(gpids) == 0 || apps[p.gpid.AppID] || gpids[p.gpid]
		if !wanted || (!all && !v.member()) || p.store.Load() == nil {
			continue
		}
		delete(gpids, p.gpid)
		lines = append(lines, fmt.Sprintf("    %s@%s@%s : %s", p.gpid, s.self, roleLetter(v.status), one(p)))
	}
	processed := len(lines)
	for g := range gpids {
		lines = append(lines, fmt.Sprintf("    %s@%s : not found", g, s.self))
	}
	sort.Strings(lines[processed:])
	return strings.Join(append([]string{fmt.Sprintf("%d processed, %d not found", processed, len(lines)-processed)}, lines...), "\n")
}

func roleLetter(st pacifica.Status) string {
	switch st {
	case pacifica.Primary:
		return "P"
	case pacifica.Secondary:
		return "S"
	case pacifica.Learner:
		return "L"
	}
	return "I"
}

func (p *partition) progress() string {
	v, store := p.view.Load(), p.store.Load()
	durable := store.LastDurable()
	return compact(struct {
		MaxPrepared    int64 `json:"max_prepared_decree"`
		MaxPlog        int64 `json:"max_plog_decree"`
		MaxPlogOnDisk  int64 `json:"max_plog_decree_on_disk"`
		MaxPlogCommit  int64 `json:"max_plog_commit_on_disk"`
		LastCommitted  int64 `json:"last_committed_decree"`
		LastApplied    int64 `json:"last_applied_decree"`
		LastFlushed    int64 `json:"last_flushed_decree"`
		LastDurable    int64 `json:"last_durable_decree"`
		MaxGCDecree    int64 `json:"max_gc_decree"`
		Duplications   []any `json:"duplications"`
		LearnersActive int   `json:"learners"`
	}{v.lastPrepared, p.plog.LastDecree(), p.plog.LastDecree(), v.lastCommitted, v.lastCommitted, store.LastApplied(), durable, durable,
		max(p.plog.FirstDecree()-1, 0), []any{}, len(v.learners)})
}
