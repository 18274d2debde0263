package plog

import (
	"errors"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// JournalState is what WithJournal found.
type JournalState struct {
	Files   int
	Bytes   int64 // of blocks whose logs may not have them
	Logs    int   // log files with such blocks
	Damaged int   // places at which the journal cannot be read
}

// WithJournal returns fs as it looks after OpenJournal, and what the journal in dir holds. Nothing is changed.
func WithJournal(fs vfs.FS, dir, root string) (vfs.FS, JournalState, error) {
	r, err := readJournal(fs, dir, root)
	if err != nil {
		return nil, JournalState{}, err
	}
	o := &overlay{FS: fs, redo: r, byPath: map[string][]logID{}}
	for _, id := range r.order {
		o.byPath[r.path(id)] = append(o.byPath[r.path(id)], id)
	}
	return o, JournalState{Files: len(r.files), Bytes: r.bytesRead, Logs: len(r.order), Damaged: r.unread}, nil
}

// overlay shows log files with the blocks that the journal has for them.
type overlay struct {
	vfs.FS
	redo   *redo
	byPath map[string][]logID
}

// Open implements vfs.FS.
func (o *overlay) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := o.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	for _, id := range o.byPath[name] {
		same, err := id.is(file, name)
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if same {
			return &patched{File: file, fs: o.FS, patches: o.redo.patches[id]}, nil
		}
	}
	return file, nil
}

// patched is a log file as it looks with blocks from the journal. It serves ReadAt and Stat, all that reading a log needs.
type patched struct {
	vfs.File
	fs      vfs.FS
	patches []patch
}

func (f *patched) size() (int64, vfs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return 0, nil, err
	}
	size := info.Size()
	for _, p := range f.patches {
		size = max(size, p.offset+p.bytes)
	}
	return size, info, nil
}

// Stat implements vfs.File.
func (f *patched) Stat() (vfs.FileInfo, error) {
	size, info, err := f.size()
	if err != nil {
		return nil, err
	}
	return patchedInfo{FileInfo: info, size: size}, nil
}

type patchedInfo struct {
	vfs.FileInfo
	size int64
}

func (i patchedInfo) Size() int64 { return i.size }

// ReadAt implements vfs.File.
func (f *patched) ReadAt(b []byte, off int64) (int, error) {
	size, _, err := f.size()
	if err != nil {
		return 0, err
	}
	if off >= size {
		return 0, io.EOF
	}
	want := min(int64(len(b)), size-off)
	n, err := f.File.ReadAt(b[:want], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	clear(b[n:want])
	blocks := blockReader{fs: f.fs}
	defer blocks.close()
	for _, p := range f.patches {
		from, to := max(p.offset, off), min(p.offset+p.bytes, off+want)
		if from >= to {
			continue
		}
		block, err := blocks.read(p)
		if err != nil {
			return 0, err
		}
		copy(b[from-off:to-off], block[from-p.offset:to-p.offset])
	}
	if want < int64(len(b)) {
		return int(want), io.EOF
	}
	return int(want), nil
}

// Read implements vfs.File. Logs are read by ReadAt only.
func (f *patched) Read([]byte) (int, error) { return 0, os.ErrInvalid }
