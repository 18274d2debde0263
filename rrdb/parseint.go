package rrdb

import (
	"math"
	"strconv"
)

// parseInt64 reads an integer as C's strtoll does with base 0, and wants the whole text
// (rrdb.md §6.8): leading white space and a sign are allowed, 0x means hexadecimal, a leading 0
// octal. Anything after the digits, an empty text and a number beyond int64 are refused.
func parseInt64(b []byte) (int64, bool) {
	i := 0
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	neg := false
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		neg = b[i] == '-'
		i++
	}
	digits, radix := b[i:], uint64(10)
	if len(digits) > 1 && digits[0] == '0' {
		if digits[1] == 'x' || digits[1] == 'X' {
			digits, radix = digits[2:], 16
		} else {
			digits, radix = digits[1:], 8
		}
	}
	if len(digits) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		d := digitOf(c)
		if d >= radix || n > (math.MaxUint64-d)/radix {
			return 0, false
		}
		n = n*radix + d
	}
	if neg {
		if n > 1<<63 {
			return 0, false
		}
		return -int64(n), true
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}

func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }

func digitOf(c byte) uint64 {
	switch {
	case c >= '0' && c <= '9':
		return uint64(c - '0')
	case c >= 'a' && c <= 'f':
		return uint64(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return uint64(c-'A') + 10
	}
	return math.MaxUint64
}

// addInt64 adds and reports whether the sum fits.
func addInt64(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (b >= 0) == (sum >= a)
}

func appendInt64(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }
