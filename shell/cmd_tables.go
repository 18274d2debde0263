package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

const (
	partitionsDefault = 4
	replicasDefault   = 3
	readyPoll         = 100 * time.Millisecond
	readyTell         = 2 * time.Second // a line at least this often while waiting
	readyLimit        = 10 * time.Minute
	waitDefaultS      = 600
)

// validName tells whether a table may be called so; the meta does not check.
func validName(name string) bool {
	for _, c := range name {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '.', c == ':', c == '_':
		default:
			return false
		}
	}
	return name != ""
}

// checkName tells of a bad name as scripts know it.
func (s *session) checkName(name string) error {
	if validName(name) {
		return nil
	}
	fmt.Fprintf(s.out, "%s: Invalid name: Only 0-9a-zA-Z.:_ are valid.: invalid app_name: '%s'\n", base.ErrInvalidParameters, name)
	return base.ErrInvalidParameters
}

// cmdCreate creates a table and waits until all its replicas are there.
func cmdCreate(s *session, p *parsed) error {
	name := p.arg(0)
	o := client.CreateOptions{FailIfExist: p.has("fail_if_exist"), AtomicIdempotent: p.has("atomic_idempotent")}
	var err error
	if o.Partitions, err = p.int32("partition_count", partitionsDefault); err != nil {
		return err
	}
	if o.Replicas, err = p.int32("replica_count", replicasDefault); err != nil {
		return err
	}
	if o.Envs, err = parseEnvs(p.str("envs", "")); err != nil {
		return err
	}
	if err := s.createApp(name, o); err != nil {
		fmt.Fprintf(s.out, "create app \"%s\" failed, error = %s\n", name, codeName(err))
		return errTold
	}
	fmt.Fprintf(s.out, "create app \"%s\" succeed\n", name)
	return nil
}

func (s *session) createApp(name string, o client.CreateOptions) error {
	if err := s.checkName(name); err != nil {
		return err
	}
	if o.Partitions < 1 {
		fmt.Fprintf(s.out, "create app %s failed: partition_count should >= 1\n", name)
		return base.ErrInvalidParameters
	}
	if o.Replicas < 1 {
		fmt.Fprintf(s.out, "create app %s failed: replica_count should >= 1\n", name)
		return base.ErrInvalidParameters
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	if _, err := s.admin().CreateApp(ctx, name, o); err != nil {
		fmt.Fprintf(s.out, "%s: create app %s failed: [create] received server error\n", codeName(err), name)
		return err
	}
	fmt.Fprintf(s.out, "create app %s succeed, waiting for app ready\n", name)
	return s.waitReady(name)
}

// waitReady polls until every partition has all its replicas.
func (s *session) waitReady(name string) error {
	ctx, cancel := context.WithTimeout(s.ctx, readyLimit)
	defer cancel()
	var told time.Time
	last := -1
	for {
		cfg, err := s.admin().QueryConfig(ctx, name)
		ready, total := 0, 0
		if err == nil {
			ready, total = client.HealthOf(cfg).FullyHealthy, int(cfg.PartitionCount)
		}
		if total > 0 && ready == total {
			fmt.Fprintf(s.out, "%s is ready now: (%d/%d)\n%s is ready now!\n", name, ready, total, name)
			return nil
		}
		if err == nil && (ready != last || time.Since(told) >= readyTell) {
			fmt.Fprintf(s.out, "%s not ready yet, still waiting... (%d/%d)\n", name, ready, total)
			told, last = time.Now(), ready
		}
		select {
		case <-ctx.Done():
			return base.ErrTimeout
		case <-time.After(readyPoll):
		}
	}
}

// parseEnvs reads k1=v1,k2=v2.
func parseEnvs(text string) (map[string]string, error) {
	envs := map[string]string{}
	if text == "" {
		return envs, nil
	}
	for pair := range strings.SplitSeq(text, ",") {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("invalid envs %s, want k1=v1,k2=v2", text)
		}
		if _, twice := envs[k]; twice {
			return nil, fmt.Errorf("envs %s has duplicate values", k)
		}
		envs[k] = v
	}
	return envs, nil
}

func cmdDrop(s *session, p *parsed) error {
	name := p.arg(0)
	reserve, err := p.number("reserve_seconds", 0)
	if err != nil {
		return err
	}
	if reserve < 0 {
		return fmt.Errorf("reserve_seconds should be >= 0")
	}
	fmt.Fprintf(s.out, "reserve_seconds = %d\n", reserve)
	ctx, cancel := s.adminCtx()
	defer cancel()
	if err := s.admin().DropApp(ctx, name, reserve, true); err != nil {
		fmt.Fprintf(s.out, "drop app %s failed, error=%s\n", name, codeName(err))
		return errTold
	}
	fmt.Fprintf(s.out, "drop app %s succeed\n", name)
	return nil
}

func cmdRecall(s *session, p *parsed) error {
	id, err := strconv.ParseInt(p.arg(0), 10, 32)
	if err != nil {
		return fmt.Errorf("parse %s as id failed", p.arg(0))
	}
	err = s.recall(int32(id), p.arg(1))
	if err != nil {
		fmt.Fprintf(s.out, "recall app %d failed, error=%s\n", id, codeName(err))
		return errTold
	}
	fmt.Fprintf(s.out, "recall app %d succeed\n", id)
	return nil
}

func (s *session) recall(id int32, newName string) error {
	if newName != "" {
		if err := s.checkName(newName); err != nil {
			return err
		}
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	info, err := s.admin().RecallApp(ctx, id, newName)
	if err != nil {
		return err
	}
	if info == nil {
		info = layer2.NewAppInfo()
	}
	fmt.Fprintf(s.out, "recall app ok, id(%d), name(%s), partition_count(%d), wait it ready\n",
		info.AppID, info.AppName, info.PartitionCount)
	return s.waitReady(info.AppName)
}

func cmdRename(s *session, p *parsed) error {
	old, name := p.arg(0), p.arg(1)
	err := s.checkName(name)
	if err == nil {
		ctx, cancel := s.adminCtx()
		defer cancel()
		err = s.admin().RenameApp(ctx, old, name)
	}
	if err != nil {
		fmt.Fprintf(s.errw, "rename app failed, old_app_name(%s), new_app_name(%s), failed: %s%s\n",
			old, name, codeName(err), hintSuffix(err))
		return errTold
	}
	fmt.Fprintf(s.out, "rename app ok, old_app_name(%s), new_app_name(%s)\n", old, name)
	return nil
}

// cmdWaitHealthy is for scripts: it ends well once every partition has all its replicas.
func cmdWaitHealthy(s *session, p *parsed) error {
	seconds, err := p.number("wait_seconds", waitDefaultS)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, time.Duration(seconds)*time.Second)
	defer cancel()
	h, err := s.admin().WaitHealthy(ctx, p.arg(0), nil)
	fmt.Fprintf(s.out, "%s: %d of %d partitions fully healthy\n", p.arg(0), h.FullyHealthy, h.Partitions)
	if err != nil {
		return fmt.Errorf("waited %d seconds in vain, error=%s", seconds, codeName(err))
	}
	return nil
}

func (p *parsed) int32(name string, def int32) (int32, error) {
	v, ok := p.opts[name]
	if !ok {
		return def, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("parse %s as %s failed", v, name)
	}
	return int32(n), nil
}
