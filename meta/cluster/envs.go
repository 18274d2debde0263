package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/layer2"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// UpdateAppEnv sets, deletes or clears a table's environment. The answer comes when the change is
// persisted (meta.md 5.11).
func (s *State) UpdateAppEnv(t Ticket, req *metaadmin.ConfigurationUpdateAppEnvRequest) {
	change, hint := envChange(req)
	if change == nil {
		s.answerEnv(t, base.ErrInvalidParameters, hint)
		return
	}
	a := s.names[req.AppName]
	if a == nil {
		s.answerEnv(t, base.ErrAppNotExist, "app cannot be found")
		return
	}
	if a.info.Status == layer2.AppStatus_AS_DROPPING {
		s.answerEnv(t, base.ErrBusyDropping, "app is being dropped")
		return
	}
	if req.Op != metaadmin.AppEnvOperation_APP_ENV_OP_SET && len(change(maps.Clone(a.info.Envs))) == 0 {
		s.answerEnv(t, base.ErrOK, "no key needs to be deleted")
		return
	}
	var next map[string]string
	var deleted []string
	s.writeApp(a, func(info *layer2.AppInfo) bool {
		deleted = change(info.Envs)
		next = info.Envs
		if envsFit(next) {
			return true
		}
		s.answerEnv(t, base.ErrInvalidParameters, fmt.Sprintf("the environment of a table may have %d bytes", envBytesMax))
		return false
	}, func(int64) {
		a.info.Envs = maps.Clone(next)
		switch {
		case a.info.Status == layer2.AppStatus_AS_DROPPING || a.info.Status == layer2.AppStatus_AS_DROPPED:
			s.answerEnv(t, base.ErrAppDropped, "app has just been dropped")
		case req.Op == metaadmin.AppEnvOperation_APP_ENV_OP_SET:
			s.answerEnv(t, base.ErrOK, "")
		default:
			s.answerEnv(t, base.ErrOK, "deleted keys:\n    "+strings.Join(deleted, "\n    "))
		}
	})
}

func (s *State) answerEnv(t Ticket, err base.ErrorCode, hint string) {
	s.reply(t, &metaadmin.ConfigurationUpdateAppEnvResponse{Err: err.Ptr(), HintMessage: hint})
}

// envChange turns a request into a function that changes an environment and returns the keys it
// removed; nil with a hint when the request makes no sense.
func envChange(req *metaadmin.ConfigurationUpdateAppEnvRequest) (change func(map[string]string) []string, hint string) {
	switch req.Op {
	case metaadmin.AppEnvOperation_APP_ENV_OP_SET:
		return setEnvs(req.Keys, req.Values)
	case metaadmin.AppEnvOperation_APP_ENV_OP_DEL:
		if len(req.Keys) == 0 {
			return nil, "keys shouldn't be empty"
		}
		return deleteWhere(func(k string) bool { return slices.Contains(req.Keys, k) }), ""
	case metaadmin.AppEnvOperation_APP_ENV_OP_CLEAR:
		if req.ClearPrefix == nil {
			return nil, "clear_prefix should be set"
		}
		prefix := *req.ClearPrefix
		return deleteWhere(func(k string) bool {
			return prefix == "" || strings.HasPrefix(k, prefix+".") && len(k) > len(prefix)+1
		}), ""
	default:
		return nil, "recv a invalid update_app_env request with op = APP_ENV_OP_INVALID"
	}
}

// envBytesMax bounds the environment of a table, keys and values together: the table's node in the
// tree must hold it, in a form that can be six times as long.
const envBytesMax = 64 << 10

func envsFit(envs map[string]string) bool {
	n := 0
	for k, v := range envs {
		n += len(k) + len(v)
	}
	return n <= envBytesMax
}

func setEnvs(keys, values []string) (func(map[string]string) []string, string) {
	if len(keys) == 0 || len(keys) != len(values) {
		return nil, fmt.Sprintf("keys and values should have the same number of elements, at least one: %d and %d", len(keys), len(values))
	}
	for i, k := range keys {
		if hint := CheckEnv(k, values[i]); hint != "" {
			return nil, hint
		}
		if !utf8.ValidString(values[i]) {
			return nil, fmt.Sprintf("the value of '%s' is not UTF-8 text", k)
		}
	}
	return func(envs map[string]string) []string {
		for i, k := range keys {
			envs[k] = values[i]
		}
		return nil
	}, ""
}

func deleteWhere(match func(string) bool) func(map[string]string) []string {
	return func(envs map[string]string) (deleted []string) {
		for _, k := range slices.Sorted(maps.Keys(envs)) {
			if match(k) && k != envCountUpdate { // which is the meta's own
				delete(envs, k)
				deleted = append(deleted, k)
			}
		}
		return deleted
	}
}
