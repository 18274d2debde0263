//go:build !unix

package rpc

import "math"

func descriptorsMax() int { return math.MaxInt32 }
