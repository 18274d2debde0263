package report

import (
	"fmt"
	"slices"
	"strconv"
)

// Thousands writes a whole number with commas: 1,234,567.
func Thousands(n float64) string {
	text := strconv.FormatFloat(n, 'f', 0, 64)
	sign := ""
	if text[0] == '-' {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// Figure writes a number with about three digits.
func Figure(v float64) string {
	switch {
	case v >= 100:
		return Thousands(v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Known writes a number, or "unknown" where it is negative.
func Known(v float64) string {
	if v < 0 {
		return "unknown"
	}
	return Figure(v)
}

// Spread writes a median with the least and the most of several values in brackets.
func Spread(median, least, most float64) string {
	if least == most {
		return Figure(median)
	}
	return fmt.Sprintf("%s (%s–%s)", Figure(median), Figure(least), Figure(most))
}

// Median of values, which stay as they are; 0 of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// Min is the smallest of values, 0 of none.
func Min(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Min(values)
}

// Max is the largest of values, 0 of none.
func Max(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Max(values)
}
