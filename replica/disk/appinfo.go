package disk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pegasus-go/pegasus/gen-go/layer2"
)

// .app-info comes from a disk that may be damaged, so it is read with the standard library's JSON
// reader, which takes the whole text or nothing. In thrift's JSON a struct is
// {"<field id>":{"<type>":value}}, a map ["str","str",size,{...}].

type jsonFields map[string]map[string]json.RawMessage

// get decodes field id of the given type into v; a field that is not there leaves v alone.
func (f jsonFields) get(id, typ string, v any) error {
	field, ok := f[id]
	if !ok {
		return nil
	}
	raw, ok := field[typ]
	if !ok {
		return fmt.Errorf("field %s is not of type %s", id, typ)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("field %s: %w", id, err)
	}
	return nil
}

func (f jsonFields) bool(id string, v *bool) error {
	n := 0
	if *v {
		n = 1
	}
	err := f.get(id, "tf", &n)
	*v = n != 0
	return err
}

func (f jsonFields) stringMap(id string, v *map[string]string) error {
	var parts []json.RawMessage
	if err := f.get(id, "map", &parts); err != nil || parts == nil {
		return err
	}
	if len(parts) != 4 {
		return fmt.Errorf("field %s: map of %d parts", id, len(parts))
	}
	if err := json.Unmarshal(parts[3], v); err != nil {
		return fmt.Errorf("field %s: %w", id, err)
	}
	return nil
}

func decodeAppInfo(b []byte) (*layer2.AppInfo, error) {
	rest, ok := bytes.CutPrefix(b, appInfoMagic)
	if !ok {
		return nil, errors.New("wrong magic")
	}
	if err := checkSeal(b, appInfoSeal); err != nil {
		return nil, err
	}
	var top, f jsonFields
	if err := json.Unmarshal(rest, &top); err != nil {
		return nil, err
	}
	if err := top.get("0", "rec", &f); err != nil {
		return nil, err
	}
	app, status := layer2.NewAppInfo(), int32(0)
	err := errors.Join(
		f.get("1", "i32", &status),
		f.get("2", "str", &app.AppType),
		f.get("3", "str", &app.AppName),
		f.get("4", "i32", &app.AppID),
		f.get("5", "i32", &app.PartitionCount),
		f.stringMap("6", &app.Envs),
		f.bool("7", &app.IsStateful),
		f.get("8", "i32", &app.MaxReplicaCount),
		f.get("9", "i64", &app.ExpireSecond),
		f.get("10", "i64", &app.CreateSecond),
		f.get("11", "i64", &app.DropSecond),
		f.bool("12", &app.Duplicating),
		f.get("13", "i32", &app.InitPartitionCount),
		f.bool("14", &app.IsBulkLoading),
		f.bool("15", &app.AtomicIdempotent),
	)
	app.Status = layer2.AppStatus(status)
	if err == nil && (app.AppID <= 0 || app.PartitionCount <= 0) {
		err = fmt.Errorf("table %d with %d partitions", app.AppID, app.PartitionCount)
	}
	return app, err
}
