package memory

import (
	"errors"
	"fmt"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Machine is the memory that this process may use: that of the machine, or the limit of its control group when
// that is less. The text says which.
func Machine() (bytes int64, source string, err error) {
	return leastOf(memlimit.FromSystem, memlimit.FromCgroup)
}

func leastOf(system, group func() (uint64, error)) (int64, string, error) {
	physical, err := system()
	if err != nil {
		return 0, "", fmt.Errorf("find the memory of this machine (set [pegasus.server] memory_bytes_max): %w", err)
	}
	limit, err := group()
	switch {
	case err == nil && limit < physical:
		return int64(limit), "limit of the control group", nil
	case err == nil, errors.Is(err, memlimit.ErrNoLimit), errors.Is(err, memlimit.ErrNoCgroup), errors.Is(err, memlimit.ErrCgroupsNotSupported):
		return int64(physical), "memory of the machine", nil
	}
	return int64(physical), fmt.Sprintf("memory of the machine; its control group could not be read: %v", err), nil
}
