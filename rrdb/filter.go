package rrdb

import "bytes"

// Filter types (rrdb.md §9.4).
const (
	filterNone     int32 = 0
	filterAnywhere int32 = 1
	filterPrefix   int32 = 2
	filterPostfix  int32 = 3
)

// keyFilter selects hash or sort keys.
type keyFilter struct {
	kind    int32
	pattern []byte
}

func (f keyFilter) valid() bool { return f.kind >= filterNone && f.kind <= filterPostfix }

// narrowsPrefix reports whether f allows only keys that start with its pattern.
func (f keyFilter) narrowsPrefix() bool { return f.kind == filterPrefix && len(f.pattern) > 0 }

func (f keyFilter) match(key []byte) bool {
	if f.kind == filterNone || len(f.pattern) == 0 {
		return true
	}
	switch f.kind {
	case filterAnywhere:
		return bytes.Contains(key, f.pattern)
	case filterPrefix:
		return bytes.HasPrefix(key, f.pattern)
	default:
		return bytes.HasSuffix(key, f.pattern)
	}
}

func (f keyFilter) clone() keyFilter {
	return keyFilter{f.kind, bytes.Clone(f.pattern)}
}
