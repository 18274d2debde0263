package rrdb

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/pegasus-go/pegasus/gen-go/base"
)

// Update is one client write of a mutation. Body is the argument wrapper as the client sent it;
// it must not change until Apply returns.
type Update struct {
	Op   Op
	Body []byte
}

// applyBuffers are kept between mutations, under applyMu.
type applyBuffers struct {
	replies []byte
	ends    []int
	key     []byte
	user    []byte // of the row that live read last
	had     []cachedRow
	overlay map[string]stagedRow
	iter    keyReader
}

// Buffers that are kept for the next mutation are not larger.
const (
	keptReplyBytesMax = 1 << 20
	keptUserBytesMax  = 64 << 10
	keptRowsMax       = 1 << 10
	keptOverlayMax    = 64
)

// Mutation is what is applied under one decree.
type Mutation struct {
	Decree      int64
	TimestampUs int64 // rows expire, and atomic operations are judged, at this time
	DefaultTTL  int32 // seconds, 0: none
	// Updates of all kinds may be mixed, later ones see earlier ones.
	Updates []Update
	// Reply, when not nil, is called for every update after the commit, with its wrapped response; body is valid until
	// ApplyAll returns.
	Reply func(i int, body []byte)
}

// Apply is ApplyAll for one mutation.
func (s *Store) Apply(decree, timestampUs int64, defaultTTL int32, updates []Update, reply func(i int, body []byte)) error {
	return s.ApplyAll([]Mutation{{Decree: decree, TimestampUs: timestampUs, DefaultTTL: defaultTTL, Updates: updates, Reply: reply}})
}

// ApplyAll applies mutations as one batch, together with decree and timestamp of the last. Their decrees follow each other and
// LastApplied. Several at once cost less than one after the other, and leave the same.
//
// An update that fails for a reason the client is told about (bad integer, failed check, empty
// list, undecodable body) stores nothing and the decree advances all the same. An error means
// that the store cannot go on; nothing was applied then.
func (s *Store) ApplyAll(mutations []Mutation) error {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	s.engine.awaitRoom(s) // before life: a flush needs it, too
	if err := s.enter("apply"); err != nil {
		return err
	}
	defer s.life.RUnlock()
	last := s.LastApplied()
	for i := range mutations {
		if d := mutations[i].Decree; d != last+1 {
			return &Error{Op: "apply", Class: ClassOrder, Err: fmt.Errorf("decree %d after %d", d, last)}
		}
		last++
	}
	if err := s.applyRoom(); err != nil {
		return err
	}
	m := mutation{s: s, b: s.db.NewBatch(), timestampUs: s.lastTimestamp.Load()}
	defer m.b.Close()
	if err := m.stage(mutations); err != nil {
		return err
	}
	if err := m.commit(); err != nil {
		return err
	}
	s.applied.answer(mutations)
	return nil
}

// answer hands out the replies of a batch that was committed.
func (b *applyBuffers) answer(mutations []Mutation) {
	start, ends := 0, b.ends
	for i := range mutations {
		m := &mutations[i]
		if m.Reply != nil {
			for j := range m.Updates {
				end := ends[j]
				m.Reply(j, b.replies[start:end:end])
				start = end
			}
			ends = ends[len(m.Updates):]
		}
	}
	if cap(b.replies) > keptReplyBytesMax {
		b.replies = nil
	}
}

// mutation is the one that is being staged, into the batch of all.
type mutation struct {
	s       *Store
	b       *pebble.Batch
	reads   bool // some update of the batch reads, so staged rows go to the overlay too
	overlay map[string]stagedRow
	err     error // the engine failed; ends the batch

	decree      int64
	timestampUs int64 // not before that of an earlier one
	timetag     uint64
	now         uint32
	defaultTTL  int32
	wantReply   bool
}

// stagedRow is what an earlier update of the same batch left under a key.
type stagedRow struct {
	row
	deleted bool
}

// stage puts all updates into the batch and, when wanted, their replies into the reply buffer.
func (m *mutation) stage(mutations []Mutation) error {
	bufs := &m.s.applied
	bufs.replies, bufs.ends = bufs.replies[:0], bufs.ends[:0]
	m.reads = readAfterWrite(mutations)
	defer m.staged()
	for i := range mutations {
		m.begin(&mutations[i])
		for _, u := range mutations[i].Updates {
			m.update(u)
			if m.err != nil {
				return wrap("apply", m.err)
			}
			if m.wantReply {
				bufs.ends = append(bufs.ends, len(bufs.replies))
			}
		}
	}
	return nil
}

// readAfterWrite reports whether an update may read what another one left.
func readAfterWrite(mutations []Mutation) bool {
	updates, reads := 0, false
	for i := range mutations {
		updates += len(mutations[i].Updates)
		for j := range mutations[i].Updates {
			op := mutations[i].Updates[j].Op
			reads = reads || op.IsAtomic() || op == OpDuplicate
		}
	}
	return reads && updates > 1
}

func (m *mutation) begin(next *Mutation) {
	m.decree, m.defaultTTL, m.wantReply = next.Decree, next.DefaultTTL, next.Reply != nil
	m.timestampUs = max(m.timestampUs, next.TimestampUs)
	m.timetag = timetagOf(m.timestampUs, m.s.engine.opts.ClusterID, false)
	m.now = base.EpochSecondsOfMicros(m.timestampUs)
}

// staged lets go of what staging needed.
func (m *mutation) staged() {
	bufs := &m.s.applied
	bufs.iter.close()
	if cap(bufs.user) > keptUserBytesMax {
		bufs.user = nil
	}
	if len(m.overlay) > keptOverlayMax {
		bufs.overlay = nil
	}
	clear(bufs.overlay)
}

func (m *mutation) update(u Update) {
	switch u.Op {
	case OpPut:
		m.putUpdate(u.Body)
	case OpRemove:
		m.removeUpdate(u.Body)
	case OpMultiPut:
		m.multiPut(u.Body)
	case OpMultiRemove:
		m.multiRemove(u.Body)
	case OpIncr:
		m.incr(u.Body)
	case OpCheckAndSet:
		m.checkAndSet(u.Body)
	case OpCheckAndMutate:
		m.checkAndMutate(u.Body)
	case OpDuplicate:
		m.duplicate(u.Body)
	case OpEmpty:
	default:
		m.corrupt(u.Op)
	}
}

// commit adds the state record and writes the batch.
func (m *mutation) commit() error {
	op := m.b.SetDeferred(len(stateKey), stateLen)
	copy(op.Key, stateKey)
	appendState(op.Value[:0], m.s.schema, m.decree, m.timestampUs)
	if err := op.Finish(); err != nil {
		return wrap("apply", err)
	}
	bytes, entries := m.b.Len(), int(m.b.Count())
	if err := m.s.commitRows(m.b); err != nil {
		return wrap("apply", err)
	}
	if f := m.s.failed.Load(); f != nil {
		return f
	}
	m.s.lastTimestamp.Store(m.timestampUs)
	m.s.lastDecree.Store(m.decree)
	m.s.grew(bytes, entries)
	return nil
}

// commitRows writes a batch under applyMu. The row cache does not know the rows that it changes before anybody can read them changed until
// they are committed, and others cannot put in meanwhile what they read before.
func (s *Store) commitRows(b *pebble.Batch) error {
	s.writes.Add(1)
	defer s.writes.Add(1)
	if !s.cached.Load() {
		return b.Commit(pebble.NoSync)
	}
	had, err := s.engine.rows.changeAll(s.id, b, s.applied.had[:0])
	defer s.keepHad(had)
	if err != nil {
		return err
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	if s.failed.Load() == nil { // the engine may give up and return nil
		s.engine.rows.settleAll(s.id, had)
	}
	return nil
}

// keepHad keeps the memory of a list for the next batch.
func (s *Store) keepHad(had []cachedRow) {
	clear(had)
	if s.applied.had = had; cap(had) > keptRowsMax {
		s.applied.had = nil
	}
}

// corrupt counts an update that cannot be decoded. ValidateWrite keeps such from entering a
// mutation, so this is damage on the way or another version's doing.
func (m *mutation) corrupt(op Op) {
	m.s.stats.corruptWrites.Add(1)
	m.s.log.Warn("undecodable write applied as empty", "op", op.String(), "decree", m.decree)
}

// put stages one row with this mutation's timetag.
func (m *mutation) put(key, user []byte, expire int32) { m.putTagged(key, user, expire, m.timetag) }

func (m *mutation) putTagged(key, user []byte, expire int32, timetag uint64) {
	exp := uint32(expire)
	if exp == 0 && m.defaultTTL > 0 {
		exp = m.now + uint32(m.defaultTTL)
	}
	if exp != 0 {
		m.s.sweeper.sawTTL.Store(true)
	}
	h := headerLen(m.s.schema, exp)
	op := m.b.SetDeferred(len(key), h+len(user))
	copy(op.Key, key)
	putHeader(op.Value, m.s.schema, exp, timetag)
	staged := op.Value[h:]
	copy(staged, user)
	m.fail(op.Finish())
	if m.reads {
		m.remember(key, stagedRow{row: row{exp, timetag, staged}})
	}
}

// remove stages the deletion of one row.
func (m *mutation) remove(key []byte) {
	m.fail(m.b.Delete(key, nil))
	if m.reads {
		m.remember(key, stagedRow{deleted: true})
	}
}

func (m *mutation) remember(key []byte, r stagedRow) {
	if bufs := &m.s.applied; m.overlay == nil {
		if bufs.overlay == nil {
			bufs.overlay = map[string]stagedRow{}
		}
		m.overlay = bufs.overlay
	}
	m.overlay[string(key)] = r
}

func (m *mutation) fail(err error) {
	if err != nil && m.err == nil {
		m.err = err
	}
}

// compose builds a raw key in the shared buffer, valid until the next call.
func (m *mutation) compose(hashKey, sortKey []byte) []byte {
	m.s.applied.key = base.AppendKey(m.s.applied.key[:0], hashKey, sortKey)
	return m.s.applied.key
}

// live reads the row under key as the updates before leave it: staged rows first, then the store; absent
// and expired rows give false. user is valid until the next call.
func (m *mutation) live(key []byte) (row, bool) {
	if r, ok := m.overlay[string(key)]; ok {
		return r.row, !r.deleted && !base.Expired(r.expire, m.now)
	}
	bufs := &m.s.applied
	// Not by way of the row cache: every member would keep what clients need not read, for less than that costs.
	v, found, err := bufs.iter.get(m.s, key)
	if err == nil && found {
		var r row
		if r, err = decodeValue(m.s.schema, v); err == nil {
			if base.Expired(r.expire, m.now) {
				return row{}, false
			}
			bufs.user = append(bufs.user[:0], r.user...)
			r.user = bufs.user
			return r, true
		}
		err = &Error{Op: "apply", Class: ClassCorruption, Err: err}
	}
	m.fail(err)
	return row{}, false
}

// reply appends one response when replies are wanted.
func (m *mutation) reply(f func(out []byte) []byte) {
	if m.wantReply {
		m.s.applied.replies = f(m.s.applied.replies)
	}
}
