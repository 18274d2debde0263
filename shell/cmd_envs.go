package shell

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/utils"
)

// needApp refuses commands that work on the table in use when there is none.
func (s *session) needApp() error {
	if s.app == "" {
		fmt.Fprint(s.errw, "No app is using now\nUSAGE: use [app_name]\n")
		return errTold
	}
	return nil
}

func cmdGetEnvs(s *session, p *parsed) error {
	if err := s.needApp(); err != nil {
		return err
	}
	apps, err := s.listApps(layer2.AppStatus_AS_AVAILABLE, s.app, utils.PatternMatchType_PMT_MATCH_EXACT)
	if err == nil && len(apps) == 0 {
		err = base.ErrObjectNotFound
	}
	if err != nil {
		fmt.Fprintf(s.errw, "get app env failed with err = %s\n", codeName(err))
		return errTold
	}
	t := pairTable("app_envs")
	for _, k := range slices.Sorted(maps.Keys(apps[0].Envs)) {
		t.add(k, apps[0].Envs[k])
	}
	return printTable(s.out, t, p.has("json"))
}

func cmdSetEnvs(s *session, p *parsed) error {
	if err := s.needApp(); err != nil {
		return err
	}
	var keys, values []string
	for i := 0; i < len(p.pos); i += 2 {
		if i+1 == len(p.pos) {
			fmt.Fprintf(s.errw, "need specify the value for key = %s\n", p.pos[i])
			return errTold
		}
		keys, values = append(keys, p.pos[i]), append(values, p.pos[i+1])
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	if err := s.admin().SetAppEnvs(ctx, s.app, keys, values); err != nil {
		hint := strings.TrimPrefix(hintSuffix(err), ", ")
		fmt.Fprintf(s.errw, "set app envs failed with error %s [hint:\"%s\"]!\n", codeName(err), hint)
		return errTold
	}
	fmt.Fprintln(s.out, "set app envs succeed")
	return nil
}

func cmdDelEnvs(s *session, p *parsed) error {
	if err := s.needApp(); err != nil {
		return err
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	hint, err := s.admin().DelAppEnvs(ctx, s.app, p.pos)
	if err != nil {
		fmt.Fprintf(s.errw, "del app env failed with err = %s\n", codeName(err))
		return errTold
	}
	fmt.Fprintln(s.out, "del app envs succeed")
	s.framed(hint)
	return nil
}

func cmdClearEnvs(s *session, p *parsed) error {
	if err := s.needApp(); err != nil {
		return err
	}
	if p.has("all") == p.has("prefix") {
		fmt.Fprintln(s.errw, "must specify one of --all and --prefix options")
		return errTold
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	hint, err := s.admin().ClearAppEnvs(ctx, s.app, p.str("prefix", ""))
	if err != nil {
		fmt.Fprintf(s.errw, "clear app envs failed with err = %s\n", codeName(err))
		return errTold
	}
	fmt.Fprintln(s.out, "clear app envs succeed")
	s.framed(hint)
	return nil
}

// framed prints what the meta had to remark between two lines.
func (s *session) framed(hint string) {
	if hint == "" {
		return
	}
	line := strings.Repeat("=", 29)
	fmt.Fprintf(s.out, "%s\n%s\n%s\n", line, hint, line)
}

func cmdGetReplicaCount(s *session, p *parsed) error {
	ctx, cancel := s.adminCtx()
	defer cancel()
	n, err := s.admin().MaxReplicaCount(ctx, p.arg(0))
	if err != nil {
		fmt.Fprintf(s.errw, "get replica count of app(%s) failed: %s\n", p.arg(0), codeName(err))
		return errTold
	}
	t := pairTable("max_replica_count")
	t.add("max_replica_count", itoa(n))
	return printTable(s.out, t, p.has("json"))
}

func cmdSetReplicaCount(s *session, p *parsed) error {
	name := p.arg(0)
	n, err := strconv.ParseInt(p.arg(1), 10, 32)
	switch {
	case err != nil:
		return fmt.Errorf("parse '%s' as replica count failed", p.arg(1))
	case n < 1:
		return fmt.Errorf("replica count should be >= 1")
	}
	if !s.confirm(fmt.Sprintf("set the replica count of app(%s) to %d", name, n)) {
		return errTold
	}
	ctx, cancel := s.adminCtx()
	defer cancel()
	old, hint, err := s.admin().SetMaxReplicaCount(ctx, name, int32(n))
	if err != nil {
		fmt.Fprintf(s.errw, "set replica count of app(%s) failed: %s%s\n", name, codeName(err), hintSuffix(err))
		return errTold
	}
	if hint == "" {
		hint = "success"
	}
	fmt.Fprintf(s.out, "set replica count of app(%s) from %d to %d: %s\n", name, old, n, hint)
	return nil
}

func cmdGetAtomicIdempotent(s *session, p *parsed) error {
	ctx, cancel := s.adminCtx()
	defer cancel()
	on, err := s.admin().AtomicIdempotent(ctx, p.arg(0))
	if err != nil {
		return fmt.Errorf("get_atomic_idempotent failed, error=%s", codeName(err))
	}
	t := pairTable("atomic_idempotent")
	t.add("atomic_idempotent", fmt.Sprint(on))
	return printTable(s.out, t, p.has("json"))
}

func cmdEnableAtomicIdempotent(s *session, p *parsed) error {
	return s.setAtomicIdempotent(p.arg(0), true)
}
func cmdDisableAtomicIdempotent(s *session, p *parsed) error {
	return s.setAtomicIdempotent(p.arg(0), false)
}

func (s *session) setAtomicIdempotent(name string, on bool) error {
	ctx, cancel := s.adminCtx()
	defer cancel()
	old, hint, err := s.admin().SetAtomicIdempotent(ctx, name, on)
	if err != nil {
		return fmt.Errorf("set_atomic_idempotent failed, error=%s", codeName(err))
	}
	if hint == "" {
		hint = "success"
	}
	fmt.Fprintf(s.out, "set_atomic_idempotent from %t to %t: %s\n", old, on, hint)
	return nil
}
