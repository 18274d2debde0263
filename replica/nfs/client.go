package nfs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	nfswire "github.com/pegasus-go/pegasus/gen-go/nfs"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/rpc"
)

// Caller makes calls to other servers; *rpc.Pool is one.
type Caller interface {
	Call(ctx context.Context, to base.RPCAddress, c rpc.Call, result thrift.TStruct) error
}

// ClientOptions of NewClient; zero values mean the defaults.
type ClientOptions struct {
	FS vfs.FS // default vfs.Default
	// BlockBytes of one request, default 128 KiB (nfs_copy_block_bytes).
	BlockBytes int
	// RequestsMax are in flight over all copies, default 50 (max_concurrent_remote_copy_requests),
	// RequestsPerCopyMax for one, default 8.
	RequestsMax, RequestsPerCopyMax int
	// RetriesMax of one request after a passing error, default 2 (max_retry_count_per_copy_request).
	RetriesMax int
	// TimeoutMs of one request, default 100 s (rpc_timeout_ms).
	TimeoutMs int
	// RateMBps bounds what is fetched, in MiB per second; 0: no bound (max_copy_rate_megabytes_per_disk).
	RateMBps int
	// SkipChecksums leaves the comparison of checksums out.
	SkipChecksums bool
	Host          host.Host // default host.System
	Logger        *slog.Logger
}

// retryDelay is the first pause before a retry; it doubles each time.
const retryDelay = 100 * time.Millisecond

// Client copies files from other servers. It is safe for concurrent use.
type Client struct {
	o      ClientOptions
	fs     vfs.FS
	caller Caller
	slots  host.Slots
	rate   *limiter
}

// NewClient makes a client that calls through caller.
func NewClient(caller Caller, o ClientOptions) *Client {
	num := func(n *int, def int) {
		if *n <= 0 {
			*n = def
		}
	}
	num(&o.BlockBytes, 128<<10)
	num(&o.RequestsMax, 50)
	num(&o.RequestsPerCopyMax, 8)
	num(&o.TimeoutMs, 100_000)
	if o.RetriesMax == 0 {
		o.RetriesMax = 2
	}
	o.BlockBytes = min(o.BlockBytes, copyBytesMax)
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Host == nil {
		o.Host = host.System
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{o: o, fs: o.FS, caller: caller, slots: host.NewSlots(o.RequestsMax), rate: newLimiter(o.RateMBps)}
}

// InFlightBytes is the size of the blocks that are being fetched, at most RequestsMax times BlockBytes.
func (c *Client) InFlightBytes() int64 {
	return int64(c.o.RequestsMax-len(c.slots)) * int64(c.o.BlockBytes)
}

// SetRate changes RateMBps.
func (c *Client) SetRate(mbps int) { c.rate.set(mbps) }

// Copy is one order to fetch files.
type Copy struct {
	From      base.RPCAddress
	SourceDir string
	// Files relative to SourceDir; empty: all, with subdirectories.
	Files []string
	// Sizes the files must have, as many as Files; empty: whatever the peer says.
	Sizes []int64
	// DestDir takes the files; it is created when it is not there, existing files of the same names
	// are replaced.
	DestDir string
	Gpid    base.Gpid
	// SourceDiskTag and DestDiskTag are passed on to a C++ peer.
	SourceDiskTag, DestDiskTag string
}

// Copied is what a copy fetched.
type Copied struct {
	Files int
	Bytes int64
}

// Fetch copies the files. When it returns without an error they are on disk, complete. After an error
// what was written so far stays.
func (c *Client) Fetch(ctx context.Context, job Copy) (Copied, error) {
	files, err := c.ask(ctx, &job)
	if err != nil {
		return Copied{}, fmt.Errorf("fetch %s from %s: %w", job.SourceDir, job.From, err)
	}
	dirs, err := c.makeDirs(job.DestDir, files)
	if err == nil {
		err = c.copyAll(ctx, &job, files)
	}
	for _, dir := range dirs {
		if err == nil {
			err = syncDir(c.fs, dir)
		}
	}
	if err == nil {
		err = c.verify(ctx, &job, files)
	}
	if err != nil {
		return Copied{}, fmt.Errorf("fetch %s from %s: %w", job.SourceDir, job.From, err)
	}
	done := Copied{Files: len(files)}
	for _, f := range files {
		done.Bytes += f.size
	}
	return done, nil
}

// remoteFile is a file to be copied.
type remoteFile struct {
	name string // relative, checked
	size int64

	mu   sync.Mutex // writes are one at a time per file
	file vfs.File
	left int // blocks not written yet
}

// ask learns names and sizes, and trusts neither.
func (c *Client) ask(ctx context.Context, job *Copy) ([]*remoteFile, error) {
	resp := nfswire.NewGetFileSizeResponse()
	if err := c.call(ctx, job, TaskFileSize, c.listRequest(job, job.Files), resp); err != nil {
		return nil, err
	}
	if resp.Error != 0 {
		return nil, fmt.Errorf("list files: peer answers error number %d", resp.Error)
	}
	if len(resp.FileList) != len(resp.SizeList) || len(resp.FileList) > filesMax {
		return nil, fmt.Errorf("list files: %d names and %d sizes: %w", len(resp.FileList), len(resp.SizeList), base.ErrInvalidData)
	}
	wanted := job.Sizes
	if len(job.Files) > 0 && !slices.Equal(resp.FileList, job.Files) {
		return nil, fmt.Errorf("list files: other files than those asked for: %w", base.ErrInvalidData)
	}
	if len(wanted) > 0 && !slices.Equal(resp.SizeList, wanted) {
		return nil, fmt.Errorf("list files: sizes changed: %w", base.ErrInvalidData)
	}
	var files []*remoteFile
	seen := map[string]bool{}
	for i, name := range resp.FileList {
		_, err := below(job.DestDir, name)
		if err == nil && (resp.SizeList[i] < 0 || seen[filepath.Clean(name)]) {
			err = fmt.Errorf("file %q of %d bytes: %w", name, resp.SizeList[i], base.ErrInvalidData)
		}
		if err != nil {
			return nil, fmt.Errorf("list files: %w", err)
		}
		seen[filepath.Clean(name)] = true
		files = append(files, &remoteFile{name: name, size: resp.SizeList[i]})
	}
	return files, nil
}

func (c *Client) listRequest(job *Copy, names []string) *nfswire.GetFileSizeRequest {
	return &nfswire.GetFileSizeRequest{
		Source: job.From.Ptr(), DstDir: job.DestDir, FileList: names, SourceDir: job.SourceDir, Overwrite: true,
		SourceDiskTag: &job.SourceDiskTag, DestDiskTag: &job.DestDiskTag, Pid: job.Gpid.Ptr(),
	}
}

// makeDirs creates the directories that the files need and returns them, children first.
func (c *Client) makeDirs(dest string, files []*remoteFile) ([]string, error) {
	dirs := map[string]bool{dest: true}
	for _, f := range files {
		for d := filepath.Dir(f.name); d != "."; d = filepath.Dir(d) {
			dirs[filepath.Join(dest, d)] = true
		}
	}
	var sorted []string
	for d := range dirs {
		sorted = append(sorted, d)
		if err := c.fs.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("create directory: %w", err)
		}
	}
	slices.SortFunc(sorted, func(a, b string) int { return len(b) - len(a) })
	return append(sorted, filepath.Dir(dest)), nil
}

type block struct {
	file   *remoteFile
	offset int64
	size   int
	last   bool
}

// copying is one copy in progress: workers take blocks from it, the files in order.
type copying struct {
	c      *Client
	job    *Copy
	cancel context.CancelFunc

	mu     sync.Mutex
	files  []*remoteFile // not begun yet
	file   *remoteFile   // whose blocks are handed out
	offset int64
	err    error // the first
}

// copyAll fetches all blocks, several at a time.
func (c *Client) copyAll(ctx context.Context, job *Copy, files []*remoteFile) error {
	defer func() {
		for _, f := range files { // of a copy that failed
			if f.file != nil {
				f.file.Close()
			}
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running := copying{c: c, job: job, cancel: cancel, files: files}
	workers := host.Group{On: c.o.Host}
	for range c.o.RequestsPerCopyMax {
		workers.Go(func() { running.work(ctx) })
	}
	workers.Wait()
	return running.err
}

func (w *copying) work(ctx context.Context) {
	for {
		b, ok := w.next()
		if !ok {
			return
		}
		if err := w.c.copyBlock(ctx, w.job, b); err != nil {
			w.fail(fmt.Errorf("file %s at %d: %w", b.file.name, b.offset, err))
			return
		}
	}
}

func (w *copying) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
		w.cancel()
	}
}

// next returns the block whose turn it is; false when there is none, or no use for one.
func (w *copying) next() (block, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.err == nil && (w.file == nil || w.offset >= w.file.size) {
		if len(w.files) == 0 {
			return block{}, false
		}
		w.file, w.offset = w.files[0], 0
		w.files = w.files[1:]
		if err := w.c.begin(w.job, w.file); err != nil {
			w.err = err
			w.cancel()
		}
	}
	if w.err != nil {
		return block{}, false
	}
	n := int64(w.c.o.BlockBytes)
	b := block{file: w.file, offset: w.offset, size: int(min(n, w.file.size-w.offset)), last: w.offset+n >= w.file.size}
	w.offset += n
	return b, true
}

// begin creates a file; one without blocks is finished at once.
func (c *Client) begin(job *Copy, f *remoteFile) error {
	path := filepath.Join(job.DestDir, f.name)
	if err := c.fs.RemoveAll(path); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	file, err := c.fs.OpenReadWrite(path, writeCategory)
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	f.file = file
	n := int64(c.o.BlockBytes)
	if f.left = int((f.size + n - 1) / n); f.left == 0 {
		return f.finish()
	}
	return nil
}

// writeCategory labels the copies in the file system's statistics.
const writeCategory vfs.DiskWriteCategory = "pegasus-nfs"

// finish makes a written file durable.
func (f *remoteFile) finish() error {
	err := f.file.Sync()
	err = errors.Join(err, f.file.Close())
	f.file = nil
	if err != nil {
		return fmt.Errorf("sync %s: %w", f.name, err)
	}
	return nil
}

func (c *Client) copyBlock(ctx context.Context, job *Copy, b block) error {
	if !c.slots.Take(c.o.Host, ctx.Done()) {
		return ctx.Err()
	}
	defer c.slots.Release()
	if err := c.rate.take(ctx, b.size); err != nil {
		return err
	}
	req := &nfswire.CopyRequest{
		Source: job.From.Ptr(), SourceDir: job.SourceDir, DstDir: job.DestDir, FileName: b.file.name, Offset: b.offset, Size: int32(b.size),
		IsLast: b.last, Overwrite: true, SourceDiskTag: &job.SourceDiskTag, Pid: job.Gpid.Ptr(),
	}
	resp := nfswire.NewCopyResponse()
	if err := c.call(ctx, job, TaskCopy, req, resp); err != nil {
		return err
	}
	if code := resp.Error.Val(); code != base.ErrOK {
		return code
	}
	data := resp.FileContent.Bytes()
	if len(data) != b.size || resp.Offset != b.offset {
		return fmt.Errorf("%d bytes at %d came for %d bytes at %d: %w", len(data), resp.Offset, b.size, b.offset, base.ErrInvalidData)
	}
	b.file.mu.Lock()
	defer b.file.mu.Unlock()
	if _, err := b.file.file.WriteAt(data, b.offset); err != nil {
		return err
	}
	if b.file.left--; b.file.left == 0 {
		return b.file.finish()
	}
	// Begins to write the block out and waits for those before it, so that little is dirty at a time: what piles up would
	// be written in one go, with the syncs of the private logs behind it.
	_, err := b.file.file.SyncTo(b.offset + int64(b.size))
	return err
}

// call makes one request, again after an error that may pass.
func (c *Client) call(ctx context.Context, job *Copy, task string, req, resp thrift.TStruct) error {
	delay := retryDelay
	for attempt := 0; ; attempt++ {
		err := c.caller.Call(ctx, job.From, rpc.Call{
			Name: task, Gpid: job.Gpid, TimeoutMs: int32(c.o.TimeoutMs), Body: rpc.AppendValue(nil, rpc.FieldNative, req),
		}, resp)
		if err == nil || attempt >= c.o.RetriesMax || !passing(err) {
			return err
		}
		c.o.Logger.Info("file request is tried again", "task", task, "to", job.From, "err", err)
		if !host.Sleep(c.o.Host, ctx, delay) {
			return ctx.Err()
		}
		delay *= 2
	}
}

// passing says whether the same request may succeed later.
func passing(err error) bool {
	return errors.Is(err, base.ErrTimeout) || errors.Is(err, base.ErrNetworkFailure) || errors.Is(err, base.ErrBusy) || errors.Is(err, base.ErrTryAgain)
}

// verify compares sizes, and checksums when the peer can tell them.
func (c *Client) verify(ctx context.Context, job *Copy, files []*remoteFile) error {
	for _, f := range files {
		info, err := c.fs.Stat(filepath.Join(job.DestDir, f.name))
		if err != nil {
			return err
		}
		if info.Size() != f.size {
			return fmt.Errorf("file %s has %d bytes instead of %d: %w", f.name, info.Size(), f.size, base.ErrInvalidData)
		}
	}
	if c.o.SkipChecksums {
		return nil
	}
	for _, f := range files {
		resp := nfswire.NewGetFileSizeResponse()
		err := c.call(ctx, job, TaskChecksum, c.listRequest(job, []string{f.name}), resp)
		if errors.Is(err, base.ErrHandlerNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("checksum of %s: %w", f.name, err)
		}
		sum, err := checksum(c.fs, filepath.Join(job.DestDir, f.name), func(n int) { _ = c.rate.take(ctx, n/checksumShare) }) // the next call sees that ctx ended
		if err != nil {
			return err
		}
		if len(resp.SizeList) != 1 || resp.SizeList[0] != sum {
			return fmt.Errorf("file %s: %w", f.name, base.ErrWrongChecksum)
		}
	}
	return nil
}

// syncDir makes the names in dir durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
