package disk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// DefaultTag names the only data directory when none is configured.
const DefaultTag = "default"

// DataDir is one element of data_dirs.
type DataDir struct {
	Tag  string
	Path string
}

// ParseDataDirs reads "tag1:/path1,tag2:/path2". Tags and paths are unique; an empty text is an empty list.
func ParseDataDirs(text string) ([]DataDir, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var dirs []DataDir
	tags, paths := map[string]bool{}, map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		tag, path, ok := strings.Cut(item, ":")
		tag, path = strings.TrimSpace(tag), strings.TrimSpace(path)
		if !ok || tag == "" || path == "" || strings.Contains(tag, "/") {
			return nil, fmt.Errorf("data_dirs: %q is not tag:/path", item)
		}
		path = filepath.Clean(path)
		if tags[tag] {
			return nil, fmt.Errorf("data_dirs: tag %q stands twice", tag)
		}
		if paths[path] {
			return nil, fmt.Errorf("data_dirs: path %q stands twice", path)
		}
		tags[tag], paths[path] = true, true
		dirs = append(dirs, DataDir{Tag: tag, Path: path})
	}
	return dirs, nil
}

// blackListBytesMax bounds the black list file.
const blackListBytesMax = 1 << 20

// ReadBlackList returns the paths named in a file, one a line. A file that is not there names none.
func ReadBlackList(fs vfs.FS, file string) (map[string]bool, error) {
	black := map[string]bool{}
	if file == "" {
		return black, nil
	}
	b, err := readFile(fs, file, blackListBytesMax)
	if oserror.IsNotExist(err) {
		return black, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read black list of data directories: %w", err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(b)))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			black[filepath.Clean(line)] = true
		}
	}
	return black, lines.Err()
}

// readFile reads a whole file of at most bytesMax bytes.
func readFile(fs vfs.FS, name string, bytesMax int64) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, bytesMax+1))
	if err == nil && int64(len(b)) > bytesMax {
		err = fmt.Errorf("%s is larger than %d bytes", name, bytesMax)
	}
	return b, errors.Join(err, f.Close())
}

// writeFile replaces a file so that after a crash either the old or the new content is there, whole.
func writeFile(fs vfs.FS, name string, b []byte) error {
	tmp := name + ".tmp"
	f, err := fs.Create(tmp, writeCategory)
	if err != nil {
		return fmt.Errorf("create %s: %w", tmp, err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if err := fs.Rename(tmp, name); err != nil {
		return fmt.Errorf("rename %s: %w", tmp, err)
	}
	return syncDir(fs, fs.PathDir(name))
}

// writeCategory labels writes of this package in the file system's statistics.
const writeCategory vfs.DiskWriteCategory = "pegasus-disk"

// syncDir makes the names in dir durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open directory %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return nil
}
