package rrdb

import "bytes"

// Check types of check_and_set and check_and_mutate (rrdb.md §7).
const (
	checkNone            int32 = 0
	checkNotExist        int32 = 1
	checkNotExistOrEmpty int32 = 2
	checkExist           int32 = 3
	checkNotEmpty        int32 = 4
	checkAnywhere        int32 = 5
	checkPrefix          int32 = 6
	checkPostfix         int32 = 7
	checkBytesLess       int32 = 8
	checkBytesGreater    int32 = 12
	checkIntLess         int32 = 13
	checkIntGreater      int32 = 17
)

func checkTypeValid(t int32) bool { return t >= checkNone && t <= checkIntGreater }

// passes evaluates a check: StatusOK, StatusTryAgain when it is not satisfied,
// StatusInvalidArgument when an integer comparison meets a text that is no integer. exist is
// false for absent and expired rows.
func passes(t int32, exist bool, value, operand []byte) Status {
	ok := false
	switch {
	case t == checkNone:
		ok = true
	case t == checkNotExist:
		ok = !exist
	case t == checkNotExistOrEmpty:
		ok = !exist || len(value) == 0
	case !exist:
	case t == checkExist:
		ok = true
	case t == checkNotEmpty:
		ok = len(value) > 0
	case t == checkAnywhere:
		ok = bytes.Contains(value, operand)
	case t == checkPrefix:
		ok = bytes.HasPrefix(value, operand)
	case t == checkPostfix:
		ok = bytes.HasSuffix(value, operand)
	case t >= checkBytesLess && t <= checkBytesGreater:
		ok = relation(t-checkBytesLess, bytes.Compare(value, operand))
	default:
		v, good1 := parseInt64(value)
		op, good2 := parseInt64(operand)
		if !good1 || !good2 {
			return StatusInvalidArgument
		}
		ok = relation(t-checkIntLess, compareInt(v, op))
	}
	if ok {
		return StatusOK
	}
	return StatusTryAgain
}

// relation maps the five comparisons, in the order <, <=, =, >=, >, onto a three-way result.
func relation(kind int32, c int) bool {
	switch kind {
	case 0:
		return c < 0
	case 1:
		return c <= 0
	case 2:
		return c == 0
	case 3:
		return c >= 0
	default:
		return c > 0
	}
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
