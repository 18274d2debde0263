package client

import (
	"context"

	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
)

// SetAppEnvs sets environment pairs of a table; keys and values run in parallel.
func (a *Admin) SetAppEnvs(ctx context.Context, name string, keys, values []string) error {
	_, err := a.updateEnvs(ctx, name, &metaadmin.ConfigurationUpdateAppEnvRequest{
		Op: metaadmin.AppEnvOperation_APP_ENV_OP_SET, Keys: keys, Values: values,
	})
	return err
}

// DelAppEnvs removes environment keys of a table; the text lists what was removed.
func (a *Admin) DelAppEnvs(ctx context.Context, name string, keys []string) (string, error) {
	return a.updateEnvs(ctx, name, &metaadmin.ConfigurationUpdateAppEnvRequest{
		Op: metaadmin.AppEnvOperation_APP_ENV_OP_DEL, Keys: keys,
	})
}

// ClearAppEnvs removes the environment keys under a prefix ("" for all); the text lists what was
// removed.
func (a *Admin) ClearAppEnvs(ctx context.Context, name, prefix string) (string, error) {
	return a.updateEnvs(ctx, name, &metaadmin.ConfigurationUpdateAppEnvRequest{
		Op: metaadmin.AppEnvOperation_APP_ENV_OP_CLEAR, ClearPrefix: &prefix,
	})
}

func (a *Admin) updateEnvs(ctx context.Context, name string, req *metaadmin.ConfigurationUpdateAppEnvRequest) (string, error) {
	req.AppName = name
	resp := metaadmin.NewConfigurationUpdateAppEnvResponse()
	err := a.call(ctx, "update_app_env", name, "RPC_CM_UPDATE_APP_ENV", req, resp)
	return resp.HintMessage, err
}

// MaxReplicaCount reads how many replicas each partition of a table should have.
func (a *Admin) MaxReplicaCount(ctx context.Context, name string) (int32, error) {
	resp := metaadmin.NewConfigurationGetMaxReplicaCountResponse()
	req := &metaadmin.ConfigurationGetMaxReplicaCountRequest{AppName: name}
	err := a.call(ctx, "get_replica_count", name, "RPC_CM_GET_MAX_REPLICA_COUNT", req, resp)
	return resp.MaxReplicaCount, err
}

// SetMaxReplicaCount changes it; the former count and the meta's remark are returned.
func (a *Admin) SetMaxReplicaCount(ctx context.Context, name string, n int32) (old int32, hint string, err error) {
	resp := metaadmin.NewConfigurationSetMaxReplicaCountResponse()
	req := &metaadmin.ConfigurationSetMaxReplicaCountRequest{AppName: name, MaxReplicaCount: n}
	err = a.call(ctx, "set_replica_count", name, "RPC_CM_SET_MAX_REPLICA_COUNT", req, resp)
	return resp.OldMaxReplicaCount, resp.HintMessage, err
}

// AtomicIdempotent reads whether a table's atomic operations are made idempotent.
func (a *Admin) AtomicIdempotent(ctx context.Context, name string) (bool, error) {
	resp := metaadmin.NewConfigurationGetAtomicIdempotentResponse()
	req := &metaadmin.ConfigurationGetAtomicIdempotentRequest{AppName: name}
	err := a.call(ctx, "get_atomic_idempotent", name, "RPC_CM_GET_ATOMIC_IDEMPOTENT", req, resp)
	return resp.AtomicIdempotent, err
}

// SetAtomicIdempotent changes it; the former setting and the meta's remark are returned.
func (a *Admin) SetAtomicIdempotent(ctx context.Context, name string, on bool) (old bool, hint string, err error) {
	resp := metaadmin.NewConfigurationSetAtomicIdempotentResponse()
	req := &metaadmin.ConfigurationSetAtomicIdempotentRequest{AppName: name, AtomicIdempotent: on}
	err = a.call(ctx, "set_atomic_idempotent", name, "RPC_CM_SET_ATOMIC_IDEMPOTENT", req, resp)
	return resp.OldAtomicIdempotent, resp.HintMessage, err
}
