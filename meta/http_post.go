package meta

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// postWait bounds how long a page waits for a change to be persisted.
const postWait = 10 * time.Second

const badStructure = "invalid request structure"

func decodePost(r *http.Request, v any) bool {
	return r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(v) == nil
}

// pageStartCompaction sets the environment that makes replicas compact.
func (s *Server) pageStartCompaction(_ url.Values, r *http.Request) (int, string) {
	in := struct {
		AppName     string `json:"app_name"`
		Type        string `json:"type"`
		TargetLevel int64  `json:"target_level"`
		Bottommost  string `json:"bottommost_level_compaction"`
		MaxRunning  int64  `json:"max_concurrent_running_count"`
		TriggerTime string `json:"trigger_time"`
	}{TargetLevel: -1, Bottommost: "skip"}
	if !decodePost(r, &in) {
		return http.StatusBadRequest, badStructure
	}
	switch {
	case in.AppName == "":
		return http.StatusBadRequest, "app_name should not be empty"
	case in.Type != "once" && in.Type != "periodic":
		return http.StatusBadRequest, "type should ony be 'once' or 'periodic'"
	case in.TargetLevel < -1:
		return http.StatusBadRequest, "target_level should be >= -1"
	case in.Bottommost != "skip" && in.Bottommost != "force":
		return http.StatusBadRequest, "bottommost_level_compaction should ony be 'skip' or 'force'"
	case in.MaxRunning < 0:
		return http.StatusBadRequest, "max_running_count should be >= 0"
	}
	if in.Type == "once" && in.TriggerTime == "" {
		in.TriggerTime = strconv.FormatInt(s.host.Now().Unix(), 10)
	}
	prefix := "manual_compact." + in.Type + "."
	keys := []string{prefix + "target_level", prefix + "bottommost_level_compaction", prefix + "trigger_time"}
	values := []string{num(in.TargetLevel), in.Bottommost, in.TriggerTime}
	if in.MaxRunning > 0 {
		keys = append(keys, "manual_compact.max_concurrent_running_count")
		values = append(values, num(in.MaxRunning))
	}
	return s.postEnvs(in.AppName, keys, values)
}

// pageUsageScenario sets the usage scenario of a table.
func (s *Server) pageUsageScenario(_ url.Values, r *http.Request) (int, string) {
	var in struct {
		AppName  string `json:"app_name"`
		Scenario string `json:"scenario"`
	}
	if !decodePost(r, &in) {
		return http.StatusBadRequest, badStructure
	}
	switch {
	case in.AppName == "":
		return http.StatusBadRequest, "app_name should not be empty"
	case in.Scenario != "normal" && in.Scenario != "bulk_load":
		return http.StatusBadRequest, "scenario should ony be 'normal' or 'bulk_load'"
	}
	return s.postEnvs(in.AppName, []string{"rocksdb.usage_scenario"}, []string{in.Scenario})
}

// postEnvs sets environment keys and waits until they are persisted.
func (s *Server) postEnvs(app string, keys, values []string) (int, string) {
	t := s.leadingTerm()
	if t == nil {
		return http.StatusServiceUnavailable, notLeading
	}
	done := make(chan thrift.TStruct, 1)
	t.do(func(int64) {
		tk, ok := t.ticket(waiter{reply: func(v thrift.TStruct) { done <- v }, abandon: func() { close(done) }}, false)
		if !ok {
			done <- &metaadmin.ConfigurationUpdateAppEnvResponse{Err: base.ErrBusy.Ptr()}
			return
		}
		t.core.UpdateAppEnv(tk, &metaadmin.ConfigurationUpdateAppEnvRequest{
			AppName: app, Op: metaadmin.AppEnvOperation_APP_ENV_OP_SET, Keys: keys, Values: values,
		})
	})
	select {
	case v := <-done:
		if resp, ok := v.(*metaadmin.ConfigurationUpdateAppEnvResponse); ok {
			return http.StatusOK, object(row("error", resp.Err.Val().Name), row("hint_message", resp.HintMessage)) + "\n"
		}
	case <-time.After(postWait):
	case <-t.ctx.Done():
	}
	return http.StatusServiceUnavailable, fmt.Sprintf("%s: the change may or may not have been made", base.ErrTimeout)
}
