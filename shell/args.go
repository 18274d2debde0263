package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// option of a command, e.g. {'d', "detailed", false}. One that takes a value has `value` set.
type option struct {
	short byte // 0: none
	long  string
	value bool
}

// parsed arguments of one command.
type parsed struct {
	pos  []string
	opts map[string]string // by long name; "" for one without a value
}

// parseArgs sorts words into options and positional arguments, in any order: -d, -dj, -n 5, -n5,
// --name 5, --name=5. "--" ends the options; a word like -20 is a number, not an option.
func parseArgs(known []option, words []string) (*parsed, error) {
	p := &parsed{opts: make(map[string]string)}
	for i := 0; i < len(words); i++ {
		w := words[i]
		next := func() (string, bool) {
			if i+1 >= len(words) {
				return "", false
			}
			i++
			return words[i], true
		}
		var err error
		switch {
		case w == "--":
			p.pos = append(p.pos, words[i+1:]...)
			return p, nil
		case len(known) == 0 || len(w) < 2 || w[0] != '-' || isNumber(w):
			p.pos = append(p.pos, w)
		case strings.HasPrefix(w, "--"):
			err = p.long(known, w[2:], next)
		default:
			err = p.cluster(known, w[1:], next)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *parsed) long(known []option, w string, next func() (string, bool)) error {
	name, val, given := strings.Cut(w, "=")
	i := slices.IndexFunc(known, func(o option) bool { return o.long == name })
	switch {
	case i < 0 && given:
		return fmt.Errorf("unknown param %s = %s%s", name, val, suggestOption(known, name))
	case i < 0:
		return fmt.Errorf("unknown flag %s%s", name, suggestOption(known, name))
	case !known[i].value && given:
		return fmt.Errorf("flag %s takes no value", name)
	case known[i].value && !given:
		if val, given = next(); !given {
			return fmt.Errorf("missing value of %s", name)
		}
	}
	p.opts[known[i].long] = val
	return nil
}

// cluster handles -abc: flags until one that takes a value, which is the rest or the next word.
func (p *parsed) cluster(known []option, w string, next func() (string, bool)) error {
	for j := 0; j < len(w); j++ {
		i := slices.IndexFunc(known, func(o option) bool { return o.short == w[j] })
		if i < 0 {
			return fmt.Errorf("unknown flag %s", w[j:j+1])
		}
		if !known[i].value {
			p.opts[known[i].long] = ""
			continue
		}
		val := w[j+1:]
		if val == "" {
			var ok bool
			if val, ok = next(); !ok {
				return fmt.Errorf("missing value of %s", known[i].long)
			}
		}
		p.opts[known[i].long] = val
		return nil
	}
	return nil
}

func suggestOption(known []option, name string) string {
	var names []string
	for _, o := range known {
		names = append(names, o.long)
	}
	if best := nearest(name, names); best != "" {
		return ", did you mean --" + best + "?"
	}
	return ""
}

func isNumber(w string) bool {
	_, err := strconv.ParseFloat(w, 64)
	return err == nil && w[1] >= '0' && w[1] <= '9'
}

func (p *parsed) has(name string) bool { _, ok := p.opts[name]; return ok }

func (p *parsed) str(name, def string) string {
	if v, ok := p.opts[name]; ok {
		return v
	}
	return def
}

// number reads an option's integer.
func (p *parsed) number(name string, def int64) (int64, error) {
	v, ok := p.opts[name]
	if !ok {
		return def, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parse %s as %s failed", v, name)
	}
	return n, nil
}

// boolean reads an option whose value is true or false.
func (p *parsed) boolean(name string, def bool) (bool, error) {
	v, ok := p.opts[name]
	if !ok {
		return def, nil
	}
	return parseBool(v, name)
}

func parseBool(v, name string) (bool, error) {
	switch strings.ToLower(v) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("invalid %s param", name)
}

// arg is a positional argument, "" when it was not given.
func (p *parsed) arg(i int) string {
	if i < len(p.pos) {
		return p.pos[i]
	}
	return ""
}
