package base

import "time"

// EpochUnix is the unix second at which the clock of expire_ts starts: 2016-01-01T00:00:00Z.
const EpochUnix = 1451606400

// EpochSeconds converts a wall time to seconds of the expire_ts clock.
func EpochSeconds(t time.Time) uint32 { return uint32(t.Unix() - EpochUnix) }

// EpochSecondsOfMicros converts a mutation timestamp (µs since 1970) to the expire_ts clock.
func EpochSecondsOfMicros(us int64) uint32 { return uint32(us/1e6 - EpochUnix) }

// Expired reports whether a row with this expire_ts is gone at now; 0 never expires.
func Expired(expireTS, now uint32) bool { return expireTS > 0 && expireTS <= now }
