package replica

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/pegasus-go/pegasus/rpc"
)

// rateMBpsMax keeps a rate in bytes within an int64.
const rateMBpsMax = 1 << 40

// registerRates offers the rates of file copies, which operators change while they move replicas (ops.md 7.3).
func (s *Server) registerRates(c *rpc.Commands) {
	rate := func(name, help string, start int, set func(mbps int)) {
		now := &atomic.Int64{}
		now.Store(int64(start))
		c.RegisterUsage(name, "[num | DEFAULT]", help+", in MiB per second; 0: no limit", func(args []string) string {
			return setRate(name, args, start, now, set)
		})
	}
	rate("nfs.max_copy_rate_megabytes_per_disk", "what learners of this server copy", s.opts.FileCopy.RateMBps, func(mbps int) { s.files.SetRate(mbps) })
	rate("nfs.max_send_rate_megabytes_per_disk", "what this server sends to learners", s.opts.SendRateMBps, func(mbps int) { s.fileServer.SetRate(mbps) })
}

// setRate reads or sets a number with the answers of the original (ops.md 7).
func setRate(name string, args []string, start int, now *atomic.Int64, set func(mbps int)) string {
	if len(args) > 1 {
		return indented(map[string]any{"error": fmt.Sprintf("ERR: invalid arguments '%s', only one argument is acceptable", strings.Join(args, " "))})
	}
	if len(args) == 0 {
		return indented(map[string]any{"error": "ok", name: strconv.FormatInt(now.Load(), 10)})
	}
	if strings.EqualFold(args[0], "DEFAULT") {
		now.Store(int64(start))
		set(start)
		return indented(map[string]any{"error": "ok", name: start})
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || n < 0 || n > rateMBpsMax {
		return indented(map[string]any{"error": fmt.Sprintf("ERR: invalid argument '%s', the value is not acceptable", args[0])})
	}
	now.Store(n)
	set(int(n))
	return indented(map[string]any{"error": "ok"})
}
