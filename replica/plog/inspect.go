package plog

import "errors"

// Inspection is what a log consists of.
type Inspection struct {
	Files      int
	Bytes      int64 // valid ones
	Entries    int64
	First      int64 // the lowest decree that can be read
	Last       int64 // the highest; First-1 when there is none
	BallotMax  int64
	Clean      bool     // closed in order; otherwise what follows the last whole block was cut off, as by a crash
	TailCut    bool     // something stood behind the last whole block, see Log.TailCut
	Leftovers  []string // files that Open would remove
	Recyclable int      // collected files kept for reuse
}

// Inspect reads the whole log in dir as Open and Replay do, and changes nothing: the same torn tail is left out, the same
// damage is a *CorruptError. fn gets every entry; it may be nil. The log must not be in use.
func Inspect(dir string, o Options, fn func(Entry) error) (i Inspection, err error) {
	l := newLog(dir, o)
	found, err := l.list()
	if err != nil {
		return i, err
	}
	plan, err := l.arrange(found)
	if err != nil {
		return i, err
	}
	l.files, i.Clean = plan.chain, true
	if n := len(l.files); n > 0 {
		f := l.files[n-1]
		file, err := l.fs.Open(f.path)
		if err != nil {
			return i, ioErr("open", f.path, err)
		}
		_, i.Clean, err = l.readLast(f, file)
		if err = errors.Join(err, ioErr("close", f.path, file.Close())); err != nil {
			return i, err
		}
	}
	i.Files, i.Leftovers, i.Recyclable = len(l.files), plan.drop, len(l.recycled)
	i.TailCut = l.TailCut()
	i.Bytes, i.First, i.Last = l.Bytes(), l.FirstDecree(), l.LastDecree()
	err = l.Replay(i.First-1, func(e Entry) error {
		i.Entries++
		i.BallotMax = max(i.BallotMax, e.Ballot)
		if fn == nil {
			return nil
		}
		return fn(e)
	})
	return i, err
}
