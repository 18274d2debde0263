//go:build !linux

package plog

import "github.com/cockroachdb/pebble/v2/vfs"

func allocate(file vfs.File, offset, length int64) error { return file.Preallocate(offset, length) }
