//go:build !linux

package main

import "time"

func loosenTimers(time.Duration) error { return nil }
