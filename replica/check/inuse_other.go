//go:build !unix

package check

// lockedByOther cannot be answered here without taking the lock, which would create a file.
func lockedByOther(string) (bool, error) { return false, nil }
