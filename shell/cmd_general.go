package shell

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

func cmdHelp(s *session, p *parsed) error {
	if name := p.arg(0); name != "" {
		c, ok := findCommand(name)
		if !ok {
			s.unknown(name)
			return errTold
		}
		s.usage(c)
		return nil
	}
	var b strings.Builder
	b.WriteString("Usage:\n")
	for _, c := range catalogue() {
		b.WriteString(c.usageText() + "\n")
	}
	fmt.Fprint(s.out, b.String())
	return nil
}

func cmdVersion(s *session, _ *parsed) error {
	fmt.Fprintf(s.out, "Pegasus Shell %s\n", s.version())
	return nil
}

func cmdExit(s *session, _ *parsed) error {
	s.ended = true
	return nil
}

// cmdCC shows the cluster, or changes it: to a configured name, or to metas given as host:port,….
func cmdCC(s *session, p *parsed) error {
	name := p.arg(0)
	if name == "" {
		fmt.Fprintf(s.out, "Current cluster is: %s\n", s.cluster)
		return nil
	}
	metas := s.opts.Clusters[name]
	switch {
	case metas == nil && name == s.cluster:
		metas = s.metas
	case metas == nil && strings.Contains(name, ":"):
		metas = strings.Split(name, ",")
	case metas == nil:
		return fmt.Errorf("unknown cluster '%s'", name)
	}
	if err := s.connect(name, metas); err != nil {
		return err
	}
	s.printCluster()
	return nil
}

func cmdUse(s *session, p *parsed) error {
	switch {
	case p.arg(0) != "":
		s.app = p.arg(0)
		fmt.Fprintln(s.errw, "OK")
	case s.app != "":
		fmt.Fprintf(s.errw, "Current app: %s\n", s.app)
	default:
		fmt.Fprintln(s.errw, "Current app not specified.")
		return errUsage
	}
	return nil
}

func cmdEscapeAll(s *session, p *parsed) error {
	switch p.arg(0) {
	case "":
		fmt.Fprintf(s.errw, "Current escape_all: %t.\n", s.escapeAll)
		return nil
	case "true", "false":
		s.escapeAll = p.arg(0) == "true"
		fmt.Fprintln(s.errw, "OK")
		return nil
	}
	fmt.Fprintln(s.errw, "ERROR: invalid parameter.")
	return errTold
}

func cmdTimeout(s *session, p *parsed) error {
	text := p.arg(0)
	if text == "" {
		fmt.Fprintf(s.errw, "Current timeout: %d ms.\n", s.timeout.Milliseconds())
		return nil
	}
	ms, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return fmt.Errorf("parse %s as timeout failed", text)
	}
	if ms <= 0 {
		return fmt.Errorf("invalid timeout %s", text)
	}
	s.timeout = time.Duration(ms) * time.Millisecond
	fmt.Fprintln(s.errw, "OK")
	return nil
}

// cmdHash shows where a key belongs.
func cmdHash(s *session, p *parsed) error {
	hash := base.KeyHash(base.EncodeKey([]byte(p.arg(0)), []byte(p.arg(1))))
	t := pairTable("")
	t.add("key_hash", strconv.FormatUint(hash, 10))
	if s.app != "" {
		ctx, cancel := s.adminCtx()
		defer cancel()
		cfg, err := s.admin().QueryConfig(ctx, s.app)
		if err != nil {
			fmt.Fprintf(s.errw, "ERROR: query app %s failed, error=%s\n", s.app, codeName(err))
			return errTold
		}
		if cfg.PartitionCount > 0 {
			addPlace(t, s.app, cfg, base.PartitionIndex(hash, cfg.PartitionCount))
		}
	}
	return printTable(s.out, t, false)
}

func addPlace(t *table, app string, cfg *layer2.QueryCfgResponse, pidx int32) {
	t.add("app_name", app)
	t.add("app_id", itoa(cfg.AppID))
	t.add("partition_count", itoa(cfg.PartitionCount))
	t.add("partition_index", itoa(pidx))
	for _, c := range cfg.Partitions {
		if c.GetPid().PartitionIndex == pidx {
			t.add("primary", primaryText(c))
			t.add("secondaries", strings.Join(secondaryTexts(c), ","))
		}
	}
}

func itoa[T int | int32 | int64](n T) string { return strconv.FormatInt(int64(n), 10) }
