package conf

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Entry is one key: what its field's tags say, and its value.
type Entry struct {
	Section string
	Name    string
	Type    string // upstream's: FV_INT32, FV_UINT32, FV_INT64, FV_UINT64, FV_BOOL, FV_DOUBLE, FV_STRING
	Doc     string
	Default string
	Mutable bool
	Pending bool // accepted, but nothing uses it yet
	Own     bool // upstream does not have it

	min, max int64
	zero     string // what 0, which may be below min, stands for
	enum     []string
	check    string
	kind     numberKind
	field    any // pointer to the field
}

// numberKind is upstream's type of a number, and so its range.
type numberKind struct {
	fv       string
	min, max int64
}

// Numbers are int64 here; what an FV_UINT64 could hold beyond that is refused.
var kinds = map[string]numberKind{
	"i32":    {"FV_INT32", math.MinInt32, math.MaxInt32},
	"u32":    {"FV_UINT32", 0, math.MaxUint32},
	"i64":    {"FV_INT64", math.MinInt64, math.MaxInt64},
	"u64":    {"FV_UINT64", 0, math.MaxInt64},
	"bool":   {fv: "FV_BOOL"},
	"string": {fv: "FV_STRING"},
}

// collect makes the entries of all sections. It panics on tags that make no
// sense, which the tests would find.
func collect(c *Config) []*Entry {
	var out []*Entry
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		section, ok := v.Type().Field(i).Tag.Lookup("section")
		if !ok {
			continue
		}
		s := v.Field(i)
		for j := range s.NumField() {
			out = append(out, newEntry(section, s.Type().Field(j), s.Field(j).Addr().Interface()))
		}
	}
	return out
}

func newEntry(section string, f reflect.StructField, field any) *Entry {
	kind, ok := kinds[f.Tag.Get("fv")]
	if !ok {
		panic(fmt.Sprintf("conf: [%s] %s has the type %q", section, f.Name, f.Tag.Get("fv")))
	}
	e := &Entry{
		Section: section, Name: f.Tag.Get("key"), Type: kind.fv, Doc: f.Tag.Get("doc"), Default: f.Tag.Get("def"),
		kind: kind, check: f.Tag.Get("check"), zero: f.Tag.Get("zero"), field: field,
		min: limit(f, "min", kind.min), max: limit(f, "max", kind.max),
		Pending: f.Tag.Get("is") == "pending", Own: f.Tag.Get("is") == "own",
	}
	if enum := f.Tag.Get("enum"); enum != "" {
		e.enum = strings.Split(enum, "|")
	}
	switch field.(type) {
	case liveNumber, *LiveBool:
		e.Mutable = true
	}
	return e
}

func limit(f reflect.StructField, tag string, otherwise int64) int64 {
	text, ok := f.Tag.Lookup(tag)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("conf: %s of %s: %v", tag, f.Name, err))
	}
	return n
}

// flat: keys of [apps.*] are there once per role, so they have no flat name.
func (e *Entry) flat() bool { return !strings.HasPrefix(e.Section, "apps.") }

// Value is the current value as text, as /config shows it.
func (e *Entry) Value() string {
	switch f := e.field.(type) {
	case *bool:
		return strconv.FormatBool(*f)
	case *LiveBool:
		return strconv.FormatBool(f.Get())
	case *string:
		return *f
	case *List:
		return f.String()
	case liveNumber:
		return strconv.FormatInt(f.load(), 10)
	}
	return strconv.FormatInt(reflect.ValueOf(e.field).Elem().Int(), 10)
}

// set parses and validates a text and stores it.
func (e *Entry) set(text string) error {
	switch f := e.field.(type) {
	case *bool:
		b, err := parseBool(text)
		if err == nil {
			*f = b
		}
		return err
	case *LiveBool:
		b, err := parseBool(text)
		if err == nil {
			f.v.Store(b)
		}
		return err
	case *string:
		if err := e.validText(text); err != nil {
			return err
		}
		*f = text
		return nil
	case *List:
		return e.setList(f, parseList(text))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errors.New("want a number")
	}
	return e.setNumber(n)
}

func (e *Entry) setNumber(n int64) error {
	if (n < e.min || n > e.max) && !(n == 0 && e.zero != "") {
		return fmt.Errorf("want %s", e.rangeText())
	}
	if e.check == "pow2" && (n <= 0 || n&(n-1) != 0) {
		return errors.New("want a power of two")
	}
	if f, ok := e.field.(liveNumber); ok {
		f.store(n)
	} else {
		reflect.ValueOf(e.field).Elem().SetInt(n)
	}
	return nil
}

func (e *Entry) setList(f *List, l List) error {
	if err := checkList(e.check, l); err != nil {
		return err
	}
	*f = l
	return nil
}

func (e *Entry) validText(text string) error {
	if e.enum != nil && !slices.Contains(e.enum, text) {
		return fmt.Errorf("want one of %s", strings.Join(e.enum, ", "))
	}
	return checkText(e.check, text)
}

// rangeText names the allowed range without the ends that are only the type's.
func (e *Entry) rangeText() string {
	if e.zero != "" && e.min > 0 {
		return "0 or " + e.limitsText()
	}
	return e.limitsText()
}

func (e *Entry) limitsText() string {
	switch {
	case e.max == e.kind.max && e.min == e.kind.min && e.kind.min != 0:
		return fmt.Sprintf("a number from %d to %d", e.min, e.max)
	case e.max == e.kind.max:
		return fmt.Sprintf("a number of %d or more", e.min)
	case e.min == e.kind.min:
		return fmt.Sprintf("a number of %d or less", e.max)
	}
	return fmt.Sprintf("a number from %d to %d", e.min, e.max)
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errors.New("want true or false")
}

// setAny stores a value as TOML gives it.
func (e *Entry) setAny(v any) error {
	switch f := e.field.(type) {
	case *bool, *LiveBool:
		b, ok := v.(bool)
		if !ok {
			return errors.New("want true or false")
		}
		return e.set(strconv.FormatBool(b))
	case *string:
		s, ok := v.(string)
		if !ok {
			return errors.New("want a string in quotes")
		}
		return e.set(s)
	case *List:
		l, err := anyList(v)
		if err != nil {
			return err
		}
		return e.setList(f, l)
	}
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("want %s", e.rangeText())
	}
	return e.setNumber(n)
}

func anyList(v any) (List, error) {
	switch v := v.(type) {
	case string:
		return parseList(v), nil
	case []any:
		var l List
		for _, item := range v {
			s, ok := item.(string)
			if !ok || strings.Contains(s, ",") {
				return nil, errors.New("want an array of strings, or one string with commas")
			}
			l = append(l, s)
		}
		return l, nil
	}
	return nil, errors.New("want an array of strings, or one string with commas")
}
