package disk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

// Names of the info files.
const (
	InitInfoFile = ".init-info"
	AppInfoFile  = ".app-info"
)

const infoBytesMax = 4 << 20

// ErrBadInfo says that an info file is missing or does not parse; an unreadable disk is another error.
var ErrBadInfo = errors.New("replica info file is missing or damaged")

// InitInfo is .init-info: what a replica promised before it was last opened. Ballot is at least every
// ballot it acted on, DurableDecree at most what its store holds on disk.
type InitInfo struct {
	Ballot             int64 `json:"init_ballot"`
	DurableDecree      int64 `json:"init_durable_decree"`
	OffsetInSharedLog  int64 `json:"init_offset_in_shared_log"`  // of the C++ server, always 0
	OffsetInPrivateLog int64 `json:"init_offset_in_private_log"` // of the C++ server's log
}

// WriteInitInfo replaces .init-info in the replica's directory, durably.
func WriteInitInfo(fs vfs.FS, dir string, info InitInfo) error {
	b, err := json.Marshal(struct {
		InitInfo
		Checksum string `json:"checksum"`
	}{info, sealZeros})
	if err == nil {
		b = seal(b, initInfoSeal)
		err = writeFile(fs, fs.PathJoin(dir, InitInfoFile), b)
	}
	if err != nil {
		return fmt.Errorf("write init info of %s: %w", dir, err)
	}
	return nil
}

// ReadInitInfo reads .init-info as this or a C++ server wrote it.
func ReadInitInfo(fs vfs.FS, dir string) (InitInfo, error) {
	b, err := readInfo(fs, dir, InitInfoFile)
	if err != nil {
		return InitInfo{}, err
	}
	var keys struct {
		Ballot  *int64 `json:"init_ballot"`
		Durable *int64 `json:"init_durable_decree"`
		Shared  int64  `json:"init_offset_in_shared_log"`
		Private int64  `json:"init_offset_in_private_log"`
	}
	err = checkSeal(b, initInfoSeal)
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	if err == nil && (keys.Ballot == nil || keys.Durable == nil) {
		err = errors.New("init_ballot or init_durable_decree is missing")
	}
	if err != nil {
		return InitInfo{}, fmt.Errorf("read init info of %s: %w: %w", dir, ErrBadInfo, err)
	}
	return InitInfo{Ballot: *keys.Ballot, DurableDecree: *keys.Durable, OffsetInSharedLog: keys.Shared, OffsetInPrivateLog: keys.Private}, nil
}

func readInfo(fs vfs.FS, dir, name string) ([]byte, error) {
	b, err := readFile(fs, fs.PathJoin(dir, name), infoBytesMax)
	switch {
	case oserror.IsNotExist(err):
		return nil, fmt.Errorf("read %s of %s: %w: %w", name, dir, ErrBadInfo, err)
	case err != nil:
		return nil, fmt.Errorf("read %s of %s: %w", name, dir, err)
	}
	return b, nil
}

// appInfoMagic begins .app-info: the thrift binary encoding of a struct with field 0 = 0xdeadbeef.
var appInfoMagic = []byte{byte(thrift.I32), 0, 0, 0xde, 0xad, 0xbe, 0xef, byte(thrift.STOP)}

// WriteAppInfo replaces .app-info, durably: the magic, then the table's description in thrift's JSON.
// All envs are kept, where the C++ server keeps one; it reads ours all the same.
func WriteAppInfo(fs vfs.FS, dir string, app *layer2.AppInfo) error {
	b, err := encodeAppInfo(app)
	if err == nil {
		err = writeFile(fs, fs.PathJoin(dir, AppInfoFile), b)
	}
	if err != nil {
		return fmt.Errorf("write app info of %s: %w", dir, err)
	}
	return nil
}

func encodeAppInfo(app *layer2.AppInfo) ([]byte, error) {
	ctx := context.Background()
	buf := thrift.NewTMemoryBuffer()
	p := thrift.NewTJSONProtocol(buf)
	err := errors.Join(
		p.WriteStructBegin(ctx, ""),
		p.WriteFieldBegin(ctx, "", thrift.STRUCT, 0),
		app.Write(ctx, p),
		p.WriteFieldEnd(ctx),
		p.WriteFieldStop(ctx),
		p.WriteStructEnd(ctx),
		p.Flush(ctx),
	)
	if err != nil {
		return nil, err
	}
	end := []byte("}}}") // of the description, of its field, of the wrapper
	text, ok := bytes.CutSuffix(buf.Bytes(), end)
	if !ok {
		return nil, errors.New("thrift's JSON does not end as it should")
	}
	b := append(bytes.Clone(appInfoMagic), text...)
	b = append(b, ","+appInfoSeal+sealZeros+`"}`...)
	return seal(append(b, end...), appInfoSeal), nil
}

// ReadAppInfo reads .app-info as this or a C++ server wrote it.
func ReadAppInfo(fs vfs.FS, dir string) (*layer2.AppInfo, error) {
	b, err := readInfo(fs, dir, AppInfoFile)
	if err != nil {
		return nil, err
	}
	app, err := decodeAppInfo(b)
	if err != nil {
		return nil, fmt.Errorf("read app info of %s: %w: %w", dir, ErrBadInfo, err)
	}
	return app, nil
}
