package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pegasus-go/pegasus/conf"
	"github.com/pegasus-go/pegasus/gen-go/base"
	"github.com/pegasus-go/pegasus/internal/memory"
	"github.com/pegasus-go/pegasus/replica"
	"github.com/pegasus-go/pegasus/replica/disk"
	"github.com/pegasus-go/pegasus/replica/nfs"
	"github.com/pegasus-go/pegasus/replica/pacifica"
	"github.com/pegasus-go/pegasus/replica/plog"
	"github.com/pegasus-go/pegasus/rpc"
	"github.com/pegasus-go/pegasus/rrdb"
)

func startReplica(c *conf.Config, logger *slog.Logger) (server, error) {
	budget, source, err := planMemory(c)
	if err != nil {
		return nil, err
	}
	options, err := replicaOptions(c, &budget, logger)
	if err != nil {
		return nil, err
	}
	release := claimMemory(c, &budget, source, logger)
	s, err := openReplica(options, dyingWait)
	if err != nil {
		release()
		return nil, err
	}
	awaitPort(listenHost(c), int(c.AppsReplica.Ports), passingWait)
	awaitDying(int(c.AppsReplica.Ports))
	if err := s.Start(); err != nil {
		s.Close() // the reason of the failed start is what matters
		release()
		return nil, err
	}
	return &replicaServer{Server: s, metas: options.Metas, witness: c.Replication.FDWitness, release: release}, nil
}

// replicaServer is a replica server with what its witness has to know.
type replicaServer struct {
	*replica.Server
	metas   []base.RPCAddress
	witness bool
	release func() // gives back its claim on the memory of the process
}

func (s *replicaServer) Close() error {
	defer s.release()
	return s.Server.Close()
}

func (s *replicaServer) testimony() (testimony, bool) {
	t := testimony{Pid: os.Getpid(), Address: s.Addr().String(), StartUnixMs: s.StartUnixMs()}
	for _, m := range s.metas {
		t.Metas = append(t.Metas, m.String())
	}
	return t, s.witness
}

// openReplica waits while a killed server still holds the data directories.
func openReplica(o replica.Options, wait time.Duration) (*replica.Server, error) {
	told := false
	for end := time.Now().Add(wait); ; time.Sleep(passingPoll) {
		s, err := replica.NewServer(o)
		if err == nil || !errors.Is(err, disk.ErrInUse) || time.Now().After(end) {
			return s, err
		}
		if !told {
			o.Logger.Warn("wait for the data directories", "err", err)
			told = true
		}
	}
}

func replicaOptions(c *conf.Config, budget *memory.Budget, logger *slog.Logger) (replica.Options, error) {
	r := &c.Replication
	address, err := toldAddress(c, c.AppsReplica)
	if err != nil {
		return replica.Options{}, err
	}
	metas, err := resolveAll("[meta_server] server_list", c.MetaServer.ServerList)
	if err != nil {
		return replica.Options{}, err
	}
	log, err := plogOptions(r)
	if err != nil {
		return replica.Options{}, err
	}
	b := readBuild()
	return replica.Options{
		Listen:                  listenAddress(c, c.AppsReplica),
		Address:                 address,
		Metas:                   metas,
		DataDirs:                r.DataDirs.String(),
		DefaultDataDir:          filepath.Join(c.Core.DataDir, "replica"),
		DataDirsBlackList:       r.DataDirsBlackListFile,
		Memory:                  *budget,
		Core:                    pacificaParams(r),
		Engine:                  engineOptions(c, budget),
		RPC:                     replicaRPCOptions(c, budget, logger),
		PeerBufferBytesTotalMax: int(budget.Peers),
		Plog:                    log,
		JournalFileBytes:        orNone(r.PlogJournalFileBytes),
		BeaconInterval:          r.FDBeaconIntervalSeconds.Duration(),
		Lease:                   r.FDLeaseSeconds.Duration(),
		ConfigSyncInterval:      r.ConfigSyncIntervalMs.Get().Duration(),
		KeepInactive:            r.GCMemoryReplicaIntervalMs.Duration(),
		CheckpointInterval:      r.CheckpointIntervalSeconds.Duration(),
		FlushBehindBytes:        int64(r.CheckpointFlushBehindBytes),
		CheckpointKeep:          c.PegasusServer.CheckpointReserveTimeSeconds.Get().Duration(),
		ManualCompactPause:      c.PegasusServer.ManualCompactMinIntervalSeconds.Duration(),
		LearnCopiesMax:          int(r.LearnAppMaxConcurrentCount),
		WriteBytesMax:           int(orNone(r.MaxAllowedWriteSize)),
		RejectWriteWhenDiskFull: r.RejectWriteWhenDiskInsufficient.Get(),
		DiskMinFreePercent:      int(r.DiskMinAvailableSpaceRatio.Get()),
		DiskCheckInterval:       r.DiskStatIntervalSeconds.Duration(),
		FailOnBrokenDisk:        !r.IgnoreBrokenDisk,
		KeepAside: disk.KeepTimes{
			Error:         r.GCDiskErrorReplicaIntervalSeconds.Get().Duration(),
			Garbage:       r.GCDiskGarbageReplicaIntervalSeconds.Get().Duration(),
			MigrateTmp:    r.GCDiskMigrationTmpReplicaIntervalSeconds.Get().Duration(),
			MigrateOrigin: r.GCDiskMigrationOriginReplicaIntervalSeconds.Get().Duration(),
		},
		DenyClientOnStart:    r.DenyClientOnStart,
		KeepLog:              !r.PlogGCEnabled,
		NoHTTP:               !c.HTTP.EnableHTTPServer,
		FileCopy:             fileCopyOptions(c, budget),
		SendRateMBps:         int(c.NFS.MaxSendRateMegabytesPerDisk.Get()),
		CheckMBps:            int(c.NFS.CheckMegabytesPerSecond),
		LongReadsMax:         int(r.LongReadsMax),
		LongReadsQueuedMax:   int(r.LongReadsQueuedMax),
		WriteBytesWaitingMax: budget.Writes,
		ReplicasOpenMax:      int(r.MaxReplicasOnLoadForEachDisk.Get()),
		ClusterName:          r.ClusterName,
		Version:              b.Version,
		GitCommit:            b.Commit,
		HTTPFallback:         pagesOf(c),
		Logger:               logger,
	}, nil
}

// replicaRPCOptions are those of a meta server, with limits from the budget.
func replicaRPCOptions(c *conf.Config, budget *memory.Budget, logger *slog.Logger) rpc.ServerOptions {
	o := rpcServerOptions(c, logger)
	o.InFlightBytesTotalMax, o.InBufferBytesTotalMax, o.OutBufferBytesTotalMax = int(budget.InFlight), int(budget.InBuffers), int(budget.OutBuffers)
	return o
}

func fileCopyOptions(c *conf.Config, budget *memory.Budget) nfs.ClientOptions {
	n := &c.NFS
	return nfs.ClientOptions{
		BlockBytes:         int(n.NfsCopyBlockBytes),
		RequestsMax:        copyRequests(c, budget),
		RequestsPerCopyMax: int(n.MaxFileCopyRequestCountPerFile),
		RetriesMax:         int(n.MaxRetryCountPerCopyRequest),
		TimeoutMs:          int(n.RPCTimeoutMs.Duration().Milliseconds()),
		RateMBps:           int(n.MaxCopyRateMegabytesPerDisk.Get()),
	}
}

func pacificaParams(r *conf.Replication) pacifica.Params {
	p := pacifica.Params{
		WindowDecrees:        int64(r.StalenessForCommit),
		PrepareListDecrees:   int64(r.MaxMutationCountInPrepareList),
		PrepareListBytesMax:  int64(r.PrepareListBytesMax),
		MinMembers:           int(r.MutationTwoPCMinReplicaCount),
		PrepareTimeoutMs:     int64(r.PrepareTimeoutMsForSecondaries),
		LearnerTimeoutMs:     int64(r.PrepareTimeoutMsForPotentialSecondaries),
		NetworkRetryMs:       int64(r.PrepareNetworkRetryMs),
		GroupCheckIntervalMs: int64(r.GroupCheckIntervalMs),
	}
	if r.BatchWriteDisabled {
		p.BatchUpdatesMax = 1
	}
	return p
}

func plogOptions(r *conf.Replication) (plog.Options, error) {
	modes := map[string]plog.SyncMode{"always": plog.SyncAlways, "interval": plog.SyncInterval, "none": plog.SyncNone}
	mode, known := modes[r.PlogSync]
	if !known {
		return plog.Options{}, fmt.Errorf("[replication] plog_sync %q: want always, interval or none", r.PlogSync)
	}
	return plog.Options{
		FileBytesMax:      r.LogPrivateFileSizeMb.Bytes(),
		Sync:              mode,
		SyncIntervalMs:    int(r.PlogSyncIntervalMs),
		ReserveBytesMax:   orNone(conf.Bytes(r.LogPrivateReserveMaxSizeMb.Bytes())),
		ReserveSecondsMax: orNone(r.LogPrivateReserveMaxTimeSeconds),
		PendingBytesMax:   int64(r.PlogPendingBytesMax),
	}, nil
}

func engineOptions(c *conf.Config, budget *memory.Budget) rrdb.EngineOptions {
	s := &c.PegasusServer
	o := rrdb.EngineOptions{
		BlockCacheBytes:                budget.BlockCache,
		RowCacheBytes:                  orNone(budget.RowCache(int64(s.RowCachePercent))),
		MemtableBudgetBytes:            budget.Memtables,
		MemtableBytesMax:               budget.Memtable,
		FilesMax:                       int(s.RocksdbMaxOpenFiles),
		CompactionsMax:                 int(s.RocksdbMaxBackgroundCompactions),
		CompactionBytesPerSecond:       orNone(s.RocksdbLimiterMaxWriteMegabytesPerSec.Bytes()),
		ManualCompactionBytesPerSecond: s.ManualCompactWriteMegabytesPerSecond.Bytes(),
		GentleCompactionBytesPerSecond: s.CompactGentleMegabytesPerSecond.Bytes(),
		GentleFlushBytesPerSecond:      orNone(s.CheckpointFlushMegabytesPerSecond.Bytes()),
		IgnoreOtherClusterIDs:          c.Replication.DupIgnoreOtherClusterIDs,
		MultiGetIterationsMax:          int(s.RocksdbMultiGetMaxIterationCount),
		MultiGetIterationBytesMax:      orNone(s.RocksdbMultiGetMaxIterationSize),
		ScanIterationsMax:              int(s.RocksdbMaxIterationCount),
		IterationTimeMs:                orNone(s.RocksdbIterationThresholdTimeMs),
		SlowQueryMs:                    max(1, s.RocksdbSlowQueryThresholdNs.Duration().Milliseconds()),
		AbnormalGetBytes:               int(orNone(s.RocksdbAbnormalGetSizeThreshold)),
		AbnormalMultiGetBytes:          int(orNone(s.RocksdbAbnormalMultiGetSizeThreshold)),
		AbnormalMultiGetIterCount:      int(orNone(s.RocksdbAbnormalMultiGetIterateCountThreshold)),
		AbnormalBatchGetBytes:          int(orNone(s.RocksdbAbnormalBatchGetBytesThreshold.Get())),
		AbnormalBatchGetCount:          int(orNone(s.RocksdbAbnormalBatchGetCountThreshold.Get())),
		ScanContextsMax:                int(s.ScanContextsMax),
		ScanContextLife:                s.ScanContextLifeSeconds.Duration(),
		SweepPeriod:                    time.Duration(orNone(s.SweepPeriodSeconds)) * time.Second,
		SweepRowsPerSecond:             int(s.SweepRowsPerSecond),
	}
	for name, id := range c.DuplicationGroup {
		if name == c.Replication.ClusterName {
			o.ClusterID = id
		} else {
			o.KnownClusterIDs = append(o.KnownClusterIDs, id)
		}
	}
	return o
}
