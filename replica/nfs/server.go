package nfs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/base"
	nfswire "github.com/pegasus-go/pegasus/gen-go/nfs"
	"github.com/pegasus-go/pegasus/internal/host"
	"github.com/pegasus-go/pegasus/rpc"
)

// Task codes. TaskChecksum is not upstream's: a get_file_size_request answered with the CRC32C of each
// file in size_list.
const (
	TaskFileSize = "RPC_NFS_GET_FILE_SIZE"
	TaskCopy     = "RPC_NFS_COPY"
	TaskChecksum = "RPC_NFS_GET_FILE_CHECKSUM"
)

const (
	// copyBytesMax bounds the block that a peer may ask for.
	copyBytesMax = 16 << 20
	// filesMax and dirDepthMax bound a listing, nameBytesMax a name in it.
	filesMax     = 100_000
	dirDepthMax  = 16
	nameBytesMax = 4096
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ServerOptions of NewServer; zero values mean the defaults.
type ServerOptions struct {
	FS vfs.FS // default vfs.Default
	// Roots returns the directories below which files may be read.
	Roots func() []string
	// RequestsMax are served at a time (default 16), RequestsQueuedMax wait (default 256); more are
	// answered ERR_BUSY.
	RequestsMax, RequestsQueuedMax int
	// RateMBps bounds what is sent, in MiB per second; 0: no bound (max_send_rate_megabytes_per_disk).
	RateMBps int
	// CheckMBps bounds what is read to compare checksums, in MiB per second; 0: no bound (check_megabytes_per_second).
	CheckMBps int
	Host      host.Host // default host.System
	Logger    *slog.Logger
}

// Server answers file requests of other servers.
type Server struct {
	o      ServerOptions
	fs     vfs.FS
	queued host.Slots // one per request that waits or runs
	run    host.Slots // one per request that runs
	rate   *limiter
	checks *limiter
}

// NewServer makes the handlers.
func NewServer(o ServerOptions) *Server {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.RequestsMax <= 0 {
		o.RequestsMax = 16
	}
	if o.RequestsQueuedMax <= 0 {
		o.RequestsQueuedMax = 256
	}
	if o.Host == nil {
		o.Host = host.System
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{
		o: o, fs: o.FS, rate: newLimiter(o.RateMBps), checks: newLimiter(o.CheckMBps),
		queued: host.NewSlots(o.RequestsMax + o.RequestsQueuedMax), run: host.NewSlots(o.RequestsMax),
	}
}

// TakeCheck waits until so many bytes may be read for a checksum, or ctx ends.
func (s *Server) TakeCheck(ctx context.Context, bytes int) error { return s.checks.take(ctx, bytes) }

// Register gives the handlers to an rpc server: s.Register(rpcServer.Handle).
func (s *Server) Register(handle func(name string, h rpc.Handler)) {
	handle(TaskFileSize, func(req *rpc.Request) { s.serve(req, s.onFileSize) })
	handle(TaskChecksum, func(req *rpc.Request) { s.serve(req, s.onChecksum) })
	handle(TaskCopy, func(req *rpc.Request) { s.serve(req, s.onCopy) })
}

// SetRate changes RateMBps.
func (s *Server) SetRate(mbps int) { s.rate.set(mbps) }

// serve takes a request off the connection's goroutine, which must not wait for disks.
func (s *Server) serve(req *rpc.Request, h func(*rpc.Request)) {
	select {
	case <-s.queued:
	default:
		req.ReplyError(base.ErrBusy)
		return
	}
	req.Keep()
	s.o.Host.Go(func() {
		defer s.queued.Release()
		s.run.Take(s.o.Host, nil)
		defer s.run.Release()
		h(req)
	})
}

func (s *Server) refuse(req *rpc.Request, err error) {
	code := base.ErrFileOperationFailed
	switch {
	case errors.As(err, &code):
	case oserror.IsNotExist(err):
		code = base.ErrObjectNotFound
	}
	s.o.Logger.Warn("file request refused", "task", req.Name, "from", req.RemoteAddr(), "code", code, "err", err)
	req.ReplyError(code)
}

func (s *Server) onFileSize(req *rpc.Request) { s.answerList(req, s.sizeOf) }

func (s *Server) onChecksum(req *rpc.Request) { s.answerList(req, s.checksumOf) }

// answerList answers with one number for each file asked for, or for each file in the directory.
func (s *Server) answerList(req *rpc.Request, number func(path string) (int64, error)) {
	msg := nfswire.NewGetFileSizeRequest()
	if err := req.Decode(msg); err != nil {
		s.refuse(req, fmt.Errorf("%w: %w", base.ErrInvalidData, err))
		return
	}
	resp, err := s.list(msg.SourceDir, msg.FileList, number)
	if err != nil {
		s.refuse(req, err)
		return
	}
	req.Reply(resp)
}

func (s *Server) list(sourceDir string, names []string, number func(path string) (int64, error)) (*nfswire.GetFileSizeResponse, error) {
	dir, err := s.confine(sourceDir)
	if err != nil {
		return nil, err
	}
	if len(names) > filesMax {
		return nil, fmt.Errorf("%d files asked for: %w", len(names), base.ErrInvalidParameters)
	}
	if len(names) == 0 {
		if names, err = s.walk(dir, "", nil, 0); err != nil {
			return nil, err
		}
		slices.Sort(names)
	}
	resp := &nfswire.GetFileSizeResponse{FileList: names, SizeList: make([]int64, len(names))}
	for i, name := range names {
		path, err := below(dir, name)
		if err != nil {
			return nil, err
		}
		if resp.SizeList[i], err = number(path); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// confine returns sourceDir cleaned, when it lies below one of the roots.
func (s *Server) confine(sourceDir string) (string, error) {
	dir := filepath.Clean(sourceDir)
	for _, root := range s.o.Roots() {
		if rest, ok := strings.CutPrefix(dir, filepath.Clean(root)+string(filepath.Separator)); ok && filepath.IsLocal(rest) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("directory %q is not served: %w", sourceDir, base.ErrInvalidParameters)
}

// below joins a relative name that does not lead out of dir, nor deeper than a listing goes.
func below(dir, name string) (string, error) {
	if len(name) > nameBytesMax || strings.Count(name, "/") > dirDepthMax {
		return "", fmt.Errorf("file name of %d bytes with %d directories: %w", len(name), strings.Count(name, "/"), base.ErrInvalidParameters)
	}
	if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return "", fmt.Errorf("file name %q leads out of its directory: %w", name, base.ErrInvalidParameters)
	}
	return filepath.Join(dir, name), nil
}

// walk adds the files below dir/prefix to names, as paths relative to dir.
func (s *Server) walk(dir, prefix string, names []string, depth int) ([]string, error) {
	if depth > dirDepthMax {
		return nil, fmt.Errorf("directory %s is nested too deep: %w", dir, base.ErrInvalidParameters)
	}
	children, err := s.fs.List(filepath.Join(dir, prefix))
	if err != nil {
		return nil, err
	}
	for _, child := range children {
		name := filepath.Join(prefix, child)
		info, err := s.fs.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			if names, err = s.walk(dir, name, names, depth+1); err != nil {
				return nil, err
			}
			continue
		}
		if names = append(names, name); len(names) > filesMax {
			return nil, fmt.Errorf("directory %s has more than %d files: %w", dir, filesMax, base.ErrInvalidParameters)
		}
	}
	return names, nil
}

func (s *Server) sizeOf(path string) (int64, error) {
	info, err := s.fs.Stat(path)
	if err != nil {
		return 0, err
	}
	if info.IsDir() {
		return 0, fmt.Errorf("%s is a directory: %w", path, base.ErrInvalidParameters)
	}
	return info.Size(), nil
}

func (s *Server) checksumOf(path string) (int64, error) {
	if _, err := s.sizeOf(path); err != nil {
		return 0, err
	}
	return checksum(s.fs, path, func(n int) {
		s.rate.wait(n/checksumShare, sendWaitMax)
		s.checks.wait(n, sendWaitMax)
	})
}

const (
	// checksumBuffer is read from a file at a time.
	checksumBuffer = 256 << 10
	// checksumShare of its bytes counts against the rate of copies: the file was just copied, and is in memory for the most part.
	checksumShare = 4
)

// paced reads at the rate of a limiter.
type paced struct {
	io.Reader
	take func(bytes int)
}

func (p paced) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.take(n)
	return n, err
}

// checksum is the CRC32C of a whole file; take is called for what was read.
func checksum(fs vfs.FS, path string, take func(bytes int)) (int64, error) {
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return 0, err
	}
	crc := crc32.New(castagnoli)
	_, err = io.CopyBuffer(crc, paced{f, take}, make([]byte, checksumBuffer))
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("checksum of %s: %w", path, err)
	}
	return int64(crc.Sum32()), nil
}

func (s *Server) onCopy(req *rpc.Request) {
	msg := nfswire.NewCopyRequest()
	if err := req.Decode(msg); err != nil {
		s.refuse(req, fmt.Errorf("%w: %w", base.ErrInvalidData, err))
		return
	}
	resp, err := s.read(msg)
	if err != nil {
		s.refuse(req, err)
		return
	}
	s.rate.wait(len(resp.FileContent.Data), sendWaitMax)
	req.Reply(resp)
}

// sendWaitMax bounds how long the rate may hold an answer back; its client gives up later than that.
const sendWaitMax = 30 * time.Second

// read returns a block of a file; it is shorter than asked for only at the file's end.
func (s *Server) read(msg *nfswire.CopyRequest) (*nfswire.CopyResponse, error) {
	dir, err := s.confine(msg.SourceDir)
	if err != nil {
		return nil, err
	}
	path, err := below(dir, msg.FileName)
	if err != nil {
		return nil, err
	}
	if msg.Offset < 0 || msg.Size < 0 || msg.Size > copyBytesMax {
		return nil, fmt.Errorf("block of %d bytes at %d: %w", msg.Size, msg.Offset, base.ErrInvalidParameters)
	}
	size, err := s.sizeOf(path)
	if err != nil {
		return nil, err
	}
	f, err := s.fs.Open(path)
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(int64(msg.Size), max(size-msg.Offset, 0)))
	n, err := 0, error(nil)
	if len(b) > 0 {
		n, err = f.ReadAt(b, msg.Offset)
	}
	if err == io.EOF {
		err = nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &nfswire.CopyResponse{Error: base.ErrOK.Ptr(), FileContent: base.BlobOf(b[:n]), Offset: msg.Offset, Size: int32(n)}, nil
}
