package admission

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

var errNotInteger = errors.New("not an integer")

// parseInt reads an integer as C's strtoll with base 0 does, all of the text: leading white space, a
// sign, 0x for hexadecimal, a leading 0 for octal.
func parseInt(s string) (int64, error) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	digits := s
	sign := ""
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		sign, digits = digits[:1], digits[1:]
	}
	base := 10
	if len(digits) > 1 && digits[0] == '0' {
		if digits[1] == 'x' || digits[1] == 'X' {
			base, digits = 16, digits[2:]
		} else {
			base, digits = 8, digits[1:]
		}
	}
	if strings.ContainsAny(digits, "+-_") {
		return 0, errNotInteger
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(sign, "+")+digits, base, 64)
	if err != nil {
		return 0, errNotInteger
	}
	return n, nil
}

// parseDecimal reads a number without sign.
func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return int64(n), nil
}

// parseAmount reads "N", "NK" or "NM"; K is 1024, M is 1024 K.
func parseAmount(s string) (int64, error) {
	unit := int64(1)
	switch {
	case strings.HasSuffix(s, "K"):
		unit = 1 << 10
	case strings.HasSuffix(s, "M"):
		unit = 1 << 20
	}
	if unit > 1 {
		s = s[:len(s)-1]
	}
	n, err := parseDecimal(s)
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return n * unit, nil
}

// WindowLimits are the limits of a window throttle over a whole table. An amount of 0 is no limit.
type WindowLimits struct {
	DelayUnits, DelayMs   int64
	RejectUnits, RejectMs int64
}

// ParseWindow reads "N[K|M]*delay*MS" and "N[K|M]*reject*MS", one of them or both, joined by a comma.
func ParseWindow(s string) (w WindowLimits, err error) {
	var delay, reject bool
	for item := range strings.SplitSeq(s, ",") {
		parts := strings.Split(strings.TrimSpace(item), "*")
		if len(parts) != 3 {
			return WindowLimits{}, fmt.Errorf("%q is not amount*delay|reject*ms", item)
		}
		units, err := parseAmount(parts[0])
		if err != nil {
			return WindowLimits{}, err
		}
		ms, err := parseDecimal(parts[2])
		if err != nil {
			return WindowLimits{}, err
		}
		switch {
		case parts[1] == "delay" && !delay:
			delay, w.DelayUnits, w.DelayMs = true, units, ms
		case parts[1] == "reject" && !reject:
			reject, w.RejectUnits, w.RejectMs = true, units, ms
		case parts[1] == "delay" || parts[1] == "reject":
			return WindowLimits{}, fmt.Errorf("%s stands twice", parts[1])
		default:
			return WindowLimits{}, fmt.Errorf("%q is neither delay nor reject", parts[1])
		}
	}
	return w, nil
}

// ParseReadBytes reads the read size limit of a table in bytes per second: "N", "NK", "NM", or the
// form of ParseWindow, of which only the reject amount counts. 0 is no limit; an explicit amount must
// not be 0.
func ParseReadBytes(s string) (int64, error) {
	if !strings.Contains(s, "*") {
		n, err := parseAmount(s)
		if err == nil && n == 0 {
			err = errors.New("the amount must be above 0")
		}
		return n, err
	}
	w, err := ParseWindow(s)
	if err == nil && w.RejectUnits == 0 && strings.Contains(s, "*reject*") {
		err = errors.New("the amount must be above 0")
	}
	return w.RejectUnits, err
}

// DenyAction is what becomes of a request that a table denies.
type DenyAction int

const (
	DenyNone     DenyAction = iota
	DenyReconfig            // answer ERR_INVALID_STATE, on which clients refresh their routing
	DenyTimeout             // no answer
)

// Deny is replica.deny_client_request; the zero value denies nothing.
type Deny struct {
	Action DenyAction
	Read   bool
	Write  bool
}

// Decide says what becomes of a write or a read.
func (d Deny) Decide(write bool) DenyAction {
	if write && d.Write || !write && d.Read {
		return d.Action
	}
	return DenyNone
}

// ParseDeny reads "timeout|reconfig" * "all|write|read".
func ParseDeny(s string) (d Deny, err error) {
	action, scope, ok := strings.Cut(s, "*")
	switch action {
	case "timeout":
		d.Action = DenyTimeout
	case "reconfig":
		d.Action = DenyReconfig
	default:
		ok = false
	}
	switch scope {
	case "all":
		d.Read, d.Write = true, true
	case "write":
		d.Write = true
	case "read":
		d.Read = true
	default:
		ok = false
	}
	if !ok {
		return Deny{}, fmt.Errorf("%q is not timeout|reconfig*all|write|read", s)
	}
	return d, nil
}
