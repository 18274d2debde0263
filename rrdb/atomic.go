package rrdb

// The operations that read before they write: rrdb.md §6.5-6.7. They read through the overlay, so
// they see what earlier updates of the same mutation did.

func (m *mutation) incr(body []byte) {
	q, ok := decodeIncr(body)
	value, status := int64(0), StatusInvalidArgument
	if ok && rawKeyOK(q.key) {
		value, status = m.increment(q)
	} else {
		m.corrupt(OpIncr)
	}
	m.reply(func(out []byte) []byte {
		return m.s.tails.appendCounted(out, status, value, m.decree)
	})
}

// increment returns the value for the reply: the new one, the old one on overflow, 0 when the old
// text is no integer.
func (m *mutation) increment(q incrRequest) (int64, Status) {
	old, exist := m.live(q.key)
	expire := max(q.expire, 0)
	var current int64
	if exist {
		if q.expire == 0 {
			expire = int32(old.expire)
		}
		if len(old.user) > 0 {
			var ok bool
			if current, ok = parseInt64(old.user); !ok {
				return 0, StatusInvalidArgument
			}
		}
	}
	sum, ok := addInt64(current, q.increment)
	if !ok {
		return current, StatusInvalidArgument
	}
	var text [20]byte
	m.put(q.key, appendInt64(text[:0], sum), expire)
	return sum, StatusOK
}

// look evaluates a check. valid says whether the rest of the request is well formed; when it is
// not, nothing is read and nothing told about the value.
func (m *mutation) look(c *check, valid bool) checked {
	if !valid || !hashKeyOK(c.hashKey) || !checkTypeValid(c.kind) {
		return checked{status: StatusInvalidArgument}
	}
	old, exist := m.live(m.compose(c.hashKey, c.sortKey))
	res := checked{status: passes(c.kind, exist, old.user, c.operand)}
	if c.returnValue {
		res.returned, res.exist = true, exist
		if exist {
			res.value = old.user
		}
	}
	return res
}

func (m *mutation) checkAndSet(body []byte) {
	q, ok := decodeCheckAndSet(body)
	if !ok {
		m.corrupt(OpCheckAndSet)
	}
	res := m.look(&q.check, ok)
	if res.status == StatusOK {
		target := q.sortKey
		if q.setDiffSortKey {
			target = q.setSortKey
		}
		m.put(m.compose(q.hashKey, target), q.setValue, q.setExpire)
	}
	m.checkedReply(res)
}

func (m *mutation) checkAndMutate(body []byte) {
	q, ok := decodeCheckAndMutate(body)
	if !ok {
		m.corrupt(OpCheckAndMutate)
	}
	res := m.look(&q.check, ok && stepsValid(q.steps))
	if res.status == StatusOK {
		for i := range q.steps {
			step := &q.steps[i]
			key := m.compose(q.hashKey, step.sortKey)
			if step.operation == mutateDelete {
				m.remove(key)
			} else {
				m.put(key, step.value, step.expire)
			}
		}
	}
	m.checkedReply(res)
}

func stepsValid(steps []mutate) bool {
	for i := range steps {
		if op := steps[i].operation; op != mutatePut && op != mutateDelete {
			return false
		}
	}
	return len(steps) > 0
}

func (m *mutation) checkedReply(res checked) {
	m.reply(func(out []byte) []byte { return m.s.tails.appendChecked(out, res, m.decree) })
}
