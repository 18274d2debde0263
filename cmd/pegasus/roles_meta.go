package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path"
	"path/filepath"
	"time"

	"github.com/pegasus-go/pegasus/conf"
	"github.com/pegasus-go/pegasus/gen-go/metaadmin"
	"github.com/pegasus-go/pegasus/meta"
	"github.com/pegasus-go/pegasus/meta/cluster"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/zkmeta"
)

// metaServer is a meta server with the store it was given.
type metaServer struct {
	*meta.Server
	state zkmeta.Backend
}

func (m *metaServer) Close() error { return errors.Join(m.Server.Close(), m.state.Close()) }

func startMeta(c *conf.Config, logger *slog.Logger) (server, error) {
	options, err := metaOptions(c, logger)
	if err != nil {
		return nil, err
	}
	if options.Backend, err = openMetaState(c, logger); err != nil {
		return nil, err
	}
	awaitPort(listenHost(c), int(c.AppsMeta.Ports), passingWait)
	awaitDying(int(c.AppsMeta.Ports))
	s, err := meta.Start(options)
	if err != nil {
		return nil, errors.Join(err, options.Backend.Close())
	}
	return &metaServer{Server: s, state: options.Backend}, nil
}

// openMetaState opens the store that also elects the leader.
func openMetaState(c *conf.Config, logger *slog.Logger) (zkmeta.Backend, error) {
	if c.MetaServer.MetaStateServiceType == conf.StateZooKeeper {
		lock := c.MetaServer.DistributedLockServiceParameters
		if lock == "" {
			lock = path.Join(c.MetaServer.ClusterRoot, "lock")
		}
		return zkmeta.OpenZooKeeper(c.ZooKeeper.HostsList, zkmeta.ZooKeeperOptions{
			LockRoot: lock, SessionTimeout: c.ZooKeeper.TimeoutMs.Duration(), Logger: logger,
		})
	}
	dir := c.MetaServer.MetaStateServiceParameters
	if dir == "" {
		dir = filepath.Join(c.Core.DataDir, "meta_state")
	}
	return zkmeta.OpenEmbedded(dir, zkmeta.EmbeddedOptions{Logger: logger})
}

func metaOptions(c *conf.Config, logger *slog.Logger) (meta.Options, error) {
	m := &c.MetaServer
	name, err := toldAddress(c, c.AppsMeta)
	if err != nil {
		return meta.Options{}, err
	}
	core, err := clusterOptions(c)
	if err != nil {
		return meta.Options{}, err
	}
	b := readBuild()
	o := meta.Options{
		Listen:         listenAddress(c, c.AppsMeta),
		Name:           name,
		ClusterRoot:    m.ClusterRoot,
		Cluster:        core,
		SendHostPort:   c.Network.SendHostPort,
		ClusterName:    c.Replication.ClusterName,
		MetaServers:    m.ServerList,
		ZooKeeperHosts: c.ZooKeeper.HostsList.String(),
		Version:        b.Version,
		GitCommit:      b.Commit,
		HTTPFallback:   pagesOf(c),
		RPC:            rpcServerOptions(c, logger),
		Pool:           rpc.PoolOptions{ConnsPerPeerMax: int(c.Network.ConnPoolMaxSize), Checksum: c.Network.MessageChecksum, Logger: logger},
		Logger:         logger,
	}
	if m.EnableWhiteList {
		if o.AllowList, err = resolveAll("[meta_server] replica_white_list", m.ReplicaWhiteList); err != nil {
			return meta.Options{}, err
		}
	}
	for _, a := range c.DefaultApps {
		o.DefaultApps = append(o.DefaultApps, cluster.DefaultApp{
			Name: a.AppName, Type: a.AppType, PartitionCount: a.PartitionCount, ReplicaCount: a.MaxReplicaCount, Envs: a.Envs,
		})
	}
	return o, nil
}

// suspectBeacons is how many beacons a replica server may miss before another one is preferred over it.
const suspectBeacons = 3

func clusterOptions(c *conf.Config) (cluster.Options, error) {
	m, r := &c.MetaServer, &c.Replication
	o := cluster.DefaultOptions()
	level, err := metaadmin.MetaFunctionLevelFromString("fl_" + m.MetaFunctionLevelOnStart)
	if err != nil {
		return o, fmt.Errorf("[meta_server] meta_function_level_on_start: %w", err)
	}
	o.Level = level
	o.FDGraceMs = r.FDGraceSeconds.Duration().Milliseconds()
	o.FDSuspectMs = min(o.FDSuspectMs, (suspectBeacons*r.FDBeaconIntervalSeconds.Duration() + time.Second).Milliseconds())
	o.StableRunMs = m.StableRsMinRunningSeconds.Duration().Milliseconds()
	o.UnstableRestartsMax = int(m.MaxSuccssiveUnstableRestart)
	o.MinLiveNodesForUnfreeze = int(m.MinLiveNodeCountForUnfreeze.Get())
	o.LivePercentage = int64(m.NodeLivePercentageThresholdForUpdate)
	o.AssignDelayMs = int64(m.ReplicaAssignDelayMsForDropouts)
	o.AddSecondaryFlowControl = m.AddSecondaryEnableFlowControl
	o.AddSecondaryMaxPerNode = int64(m.AddSecondaryMaxCountForOneNode)
	o.ReservedDroppedMax = int(m.MaxReservedDroppedReplicas.Get())
	o.ReplicaCountMin = int32(m.MinAllowedReplicaCount.Get())
	o.ReplicaCountMax = int32(m.MaxAllowedReplicaCount.Get())
	o.WriteMinReplicas = int32(r.MutationTwoPCMinReplicaCount)
	o.DroppedHoldS = int64(m.HoldSecondsForDroppedApp)
	return o, nil
}
