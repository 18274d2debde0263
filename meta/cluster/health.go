package cluster

import "github.com/pegasus-go/pegasus/gen-go/layer2"

// Health counts the partitions of a table by what they can do (meta.md 7.9).
type Health struct {
	Dead, Unreadable, Unwritable, WritableIll, Healthy int
}

// Total is the number of partitions counted.
func (h Health) Total() int {
	return h.Dead + h.Unreadable + h.Unwritable + h.WritableIll + h.Healthy
}

// Health returns the counts of one table; false when it is not available.
func (s *State) Health(id int32) (h Health, ok bool) {
	a := s.apps[id]
	if a == nil || a.info.Status != layer2.AppStatus_AS_AVAILABLE {
		return h, false
	}
	for _, p := range a.parts {
		c := &p.config
		switch members := c.Members(); {
		case members == 0:
			h.Dead++
		case !c.Primary.IsValid():
			h.Unreadable++
		case members < s.opts.writeMin(c.MaxReplicaCount):
			h.Unwritable++
		case members < int(c.MaxReplicaCount):
			h.WritableIll++
		default:
			h.Healthy++
		}
	}
	return h, true
}
