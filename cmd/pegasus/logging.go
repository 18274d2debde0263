package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/pflag"
)

// Limits of a log file: when it is full it is renamed to .1, and .1 to .2, and so on; the last is dropped.
const (
	logFileBytesMax = 64 << 20
	logFilesMax     = 4
)

// logFlags are the flags of every command that runs a server.
type logFlags struct {
	level, format, file string
}

func (f *logFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.level, "log-level", "info", "least level that is logged: debug, info, warn or error")
	flags.StringVar(&f.format, "log-format", "text", "text or json")
	flags.StringVar(&f.file, "log-file", "", "file to log to instead of the standard error; renamed when it reaches 64 MiB, 4 are kept")
}

// open makes the logger. The closer ends the file, if there is one.
func (f *logFlags) open() (*slog.Logger, io.Closer, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return nil, nil, fmt.Errorf("--log-level %q: want debug, info, warn or error", f.level)
	}
	var out io.Writer = os.Stderr
	var closer io.Closer = io.NopCloser(nil)
	if f.file != "" {
		file, err := openRotatingFile(f.file, logFileBytesMax, logFilesMax)
		if err != nil {
			return nil, nil, fmt.Errorf("--log-file: %w", err)
		}
		out, closer = file, file
	}
	options := &slog.HandlerOptions{Level: level}
	switch strings.ToLower(f.format) {
	case "text":
		return slog.New(slog.NewTextHandler(out, options)), closer, nil
	case "json":
		return slog.New(slog.NewJSONHandler(out, options)), closer, nil
	}
	closer.Close()
	return nil, nil, fmt.Errorf("--log-format %q: want text or json", f.format)
}

// rotatingFile is a log file of bounded size with a bounded number of predecessors.
type rotatingFile struct {
	path     string
	bytesMax int64
	filesMax int

	mu      sync.Mutex
	file    *os.File
	written int64
}

func openRotatingFile(path string, bytesMax int64, filesMax int) (*rotatingFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	r := &rotatingFile{path: path, bytesMax: bytesMax, filesMax: filesMax}
	return r, r.reopen()
}

func (r *rotatingFile) reopen() error {
	file, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	r.file, r.written = file, info.Size()
	return nil
}

// Write appends one record; records are never split over two files.
func (r *rotatingFile) Write(record []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return 0, os.ErrClosed
	}
	if r.written > 0 && r.written+int64(len(record)) > r.bytesMax {
		if err := r.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := r.file.Write(record)
	r.written += int64(n)
	return n, err
}

func (r *rotatingFile) rotate() error {
	r.file.Close()
	for i := r.filesMax - 1; i > 0; i-- {
		from := fmt.Sprintf("%s.%d", r.path, i-1)
		if i == 1 {
			from = r.path
		}
		// A missing predecessor is normal; any other failure shows when the file is opened again.
		_ = os.Rename(from, fmt.Sprintf("%s.%d", r.path, i))
	}
	return r.reopen()
}

func (r *rotatingFile) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
