package shell

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pegasus-go/pegasus/client"
	"github.com/pegasus-go/pegasus/gen-go/rrdb"
)

// checkTypes are the words for cas_check_type 1 to 17, in order.
var checkTypes = []string{
	"not_exist", "not_exist_or_empty", "exist", "not_empty",
	"match_anywhere", "match_prefix", "match_postfix",
	"bytes_less", "bytes_less_or_equal", "bytes_equal", "bytes_greater_or_equal", "bytes_greater",
	"int_less", "int_less_or_equal", "int_equal", "int_greater_or_equal", "int_greater",
}

// checkOption reads the condition of an atomic command.
func checkOption(p *parsed) (client.Check, error) {
	c := client.Check{
		SortKey: []byte(p.str("check_sort_key", "")), Operand: []byte(p.str("check_operand", "")),
		ReturnValue: p.has("return_check_value"),
	}
	switch {
	case !p.has("check_sort_key"):
		return c, fmt.Errorf("check_sort_key not provided")
	case !p.has("check_type"):
		return c, fmt.Errorf("check_type not provided")
	}
	i := slices.Index(checkTypes, p.str("check_type", ""))
	if i < 0 {
		return c, fmt.Errorf("invalid check_type param")
	}
	c.Type = rrdb.CasCheckType(i + 1)
	if needsOperand(c.Type) && !p.has("check_operand") {
		return c, fmt.Errorf("check_operand not provided")
	}
	return c, nil
}

func needsOperand(t rrdb.CasCheckType) bool { return t >= rrdb.CasCheckType_CT_VALUE_MATCH_ANYWHERE }

func (s *session) describeCheck(hashKey []byte, c client.Check) {
	fmt.Fprintf(s.errw, "hash_key: %s\ncheck_sort_key: %s\ncheck_type: %s\n",
		s.bytes(hashKey), s.bytes(c.SortKey), checkTypes[c.Type-1])
	if needsOperand(c.Type) {
		fmt.Fprintf(s.errw, "check_operand: %s\n", s.bytes(c.Operand))
	}
}

// sayCheck prints how it went; `what` is "Set" or "Mutate".
func (s *session) sayCheck(what string, r client.CheckResult) {
	if r.Passed {
		fmt.Fprintf(s.errw, "%s succeed.\n", what)
	} else {
		fmt.Fprintf(s.errw, "%s failed, because check not passed.\n", what)
	}
	switch {
	case !r.Returned:
	case r.Exist:
		fmt.Fprintf(s.errw, "\nCheck value: %s\n", s.bytes(r.Value))
	default:
		fmt.Fprint(s.errw, "\nCheck value not exist.\n")
	}
}

func cmdCheckAndSet(s *session, p *parsed) error {
	check, err := checkOption(p)
	if err != nil {
		return err
	}
	switch {
	case !p.has("set_sort_key"):
		return fmt.Errorf("set_sort_key not provided")
	case !p.has("set_value"):
		return fmt.Errorf("set_value not provided")
	}
	ttl, err := p.int32("set_value_ttl_seconds", 0)
	if err != nil || ttl < 0 {
		return fmt.Errorf("invalid set_value_ttl_seconds param")
	}
	if err := s.needApp(); err != nil {
		return err
	}
	hashKey, sortKey, value := []byte(p.arg(0)), []byte(p.str("set_sort_key", "")), []byte(p.str("set_value", ""))
	s.describeCheck(hashKey, check)
	fmt.Fprintf(s.errw, "set_sort_key: %s\nset_value: %s\nset_value_ttl_seconds: %d\nreturn_check_value: %t\n\n",
		s.bytes(sortKey), s.bytes(value), ttl, check.ReturnValue)
	var r client.CheckResult
	return s.onTable(true, func(c *dataCall) (err error) {
		r, err = c.CheckAndSet(c.ctx, hashKey, check, sortKey, value, ttl)
		return err
	}, func() { s.sayCheck("Set", r) })
}

func cmdCheckAndMutate(s *session, p *parsed) error {
	check, err := checkOption(p)
	if err != nil {
		return err
	}
	if err := s.needApp(); err != nil {
		return err
	}
	changes, err := s.readMutations()
	if err != nil {
		return err
	}
	hashKey := []byte(p.arg(0))
	s.describeCheck(hashKey, check)
	fmt.Fprintf(s.errw, "return_check_value: %t\nmutations:\n", check.ReturnValue)
	for i, m := range changes {
		s.describeMutation(i, m)
	}
	fmt.Fprintln(s.errw)
	var r client.CheckResult
	return s.onTable(true, func(c *dataCall) (err error) {
		r, err = c.CheckAndMutate(c.ctx, hashKey, check, changes)
		return err
	}, func() { s.sayCheck("Mutate", r) })
}

func (s *session) describeMutation(i int, m client.Mutation) {
	if m.Delete {
		fmt.Fprintf(s.errw, "  mutation[%d].type: DEL\n  mutation[%d].sort_key: %s\n", i, i, s.bytes(m.SortKey))
		return
	}
	fmt.Fprintf(s.errw, "  mutation[%d].type: SET\n  mutation[%d].sort_key: %s\n  mutation[%d].value: %s\n",
		i, i, s.bytes(m.SortKey), i, s.bytes(m.Value))
	if m.TTLSeconds > 0 {
		fmt.Fprintf(s.errw, "  mutation[%d].expire_seconds: %d\n", i, m.TTLSeconds)
	}
}

// mutationsMax bounds how many lines one check_and_mutate takes.
const mutationsMax = 10000

// readMutations asks for lines until "ok" or "abort".
func (s *session) readMutations() ([]client.Mutation, error) {
	fmt.Fprint(s.errw, "Load mutations, like\n  set <sort_key> <value> [ttl]\n  del <sort_key>\n"+
		"Print \"ok\" to finish loading, \"abort\" to abort this command\n")
	var out []client.Mutation
	for {
		line, err := s.readLine("... ")
		if err != nil || strings.TrimSpace(line) == "abort" {
			fmt.Fprintln(s.errw, "INFO: abort check_and_mutate command")
			return nil, errTold
		}
		if strings.TrimSpace(line) == "ok" {
			break
		}
		m, ok := parseMutation(line)
		if !ok || len(out) == mutationsMax {
			fmt.Fprintln(s.errw, "ERROR: invalid mutation, print \"ok\" to finish loading")
			continue
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("mutations not provided")
	}
	return out, nil
}

func parseMutation(line string) (client.Mutation, bool) {
	words, err := splitWords(line)
	if err != nil || len(words) < 2 {
		return client.Mutation{}, false
	}
	m := client.Mutation{SortKey: []byte(words[1])}
	switch {
	case words[0] == "del" && len(words) == 2:
		m.Delete = true
		return m, true
	case words[0] == "set" && (len(words) == 3 || len(words) == 4):
		m.Value = []byte(words[2])
		if len(words) == 4 {
			m.TTLSeconds, err = parseTTL(words[3])
		}
		return m, err == nil
	}
	return m, false
}
