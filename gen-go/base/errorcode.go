package base

import (
	"context"

	"github.com/apache/thrift/lib/go/thrift"
)

// ErrorCode is an error_code: on the wire its name, e.g. "ERR_OK". It is comparable and a Go
// error; the codes below are the ones that exist.
type ErrorCode struct {
	Name string
}

// NewErrorCode returns an empty code; generated code calls it.
func NewErrorCode() *ErrorCode { return &ErrorCode{} }

// Error makes a code usable as a Go error.
func (e ErrorCode) Error() string { return e.Name }

func (e ErrorCode) String() string { return e.Name }

// Ptr returns a pointer to a copy, for generated structs.
func (e ErrorCode) Ptr() *ErrorCode { return &e }

// Val returns the code behind a pointer of a generated struct; ErrUnknown when nil.
func (e *ErrorCode) Val() ErrorCode {
	if e == nil {
		return ErrUnknown
	}
	return *e
}

func (e *ErrorCode) Read(ctx context.Context, p thrift.TProtocol) error {
	name, err := p.ReadString(ctx)
	if err == nil {
		e.Name = name
	}
	return err
}

func (e *ErrorCode) Write(ctx context.Context, p thrift.TProtocol) error {
	return p.WriteString(ctx, e.Val().Name)
}

// Equals compares names; generated code calls it.
func (e *ErrorCode) Equals(o *ErrorCode) bool { return e.Val() == o.Val() }

// The error names of the wire. Which of them a client knows: ClientKnows.
var (
	ErrOK                         = ErrorCode{"ERR_OK"}
	ErrUnknown                    = ErrorCode{"ERR_UNKNOWN"}
	ErrServiceNotFound            = ErrorCode{"ERR_SERVICE_NOT_FOUND"}
	ErrServiceAlreadyRunning      = ErrorCode{"ERR_SERVICE_ALREADY_RUNNING"}
	ErrIOPending                  = ErrorCode{"ERR_IO_PENDING"}
	ErrTimeout                    = ErrorCode{"ERR_TIMEOUT"}
	ErrServiceNotActive           = ErrorCode{"ERR_SERVICE_NOT_ACTIVE"}
	ErrBusy                       = ErrorCode{"ERR_BUSY"}
	ErrNetworkInitFailed          = ErrorCode{"ERR_NETWORK_INIT_FAILED"}
	ErrForwardToOthers            = ErrorCode{"ERR_FORWARD_TO_OTHERS"}
	ErrObjectNotFound             = ErrorCode{"ERR_OBJECT_NOT_FOUND"}
	ErrHandlerNotFound            = ErrorCode{"ERR_HANDLER_NOT_FOUND"}
	ErrLearnFileFailed            = ErrorCode{"ERR_LEARN_FILE_FAILED"}
	ErrGetLearnStateFailed        = ErrorCode{"ERR_GET_LEARN_STATE_FAILED"}
	ErrInvalidVersion             = ErrorCode{"ERR_INVALID_VERSION"}
	ErrInvalidParameters          = ErrorCode{"ERR_INVALID_PARAMETERS"}
	ErrCapacityExceeded           = ErrorCode{"ERR_CAPACITY_EXCEEDED"}
	ErrInvalidState               = ErrorCode{"ERR_INVALID_STATE"}
	ErrInactiveState              = ErrorCode{"ERR_INACTIVE_STATE"}
	ErrNotEnoughMember            = ErrorCode{"ERR_NOT_ENOUGH_MEMBER"}
	ErrFileOperationFailed        = ErrorCode{"ERR_FILE_OPERATION_FAILED"}
	ErrHandleEOF                  = ErrorCode{"ERR_HANDLE_EOF"}
	ErrWrongChecksum              = ErrorCode{"ERR_WRONG_CHECKSUM"}
	ErrInvalidData                = ErrorCode{"ERR_INVALID_DATA"}
	ErrInvalidHandle              = ErrorCode{"ERR_INVALID_HANDLE"}
	ErrIncompleteData             = ErrorCode{"ERR_INCOMPLETE_DATA"}
	ErrVersionOutdated            = ErrorCode{"ERR_VERSION_OUTDATED"}
	ErrPathNotFound               = ErrorCode{"ERR_PATH_NOT_FOUND"}
	ErrPathAlreadyExist           = ErrorCode{"ERR_PATH_ALREADY_EXIST"}
	ErrAddressAlreadyUsed         = ErrorCode{"ERR_ADDRESS_ALREADY_USED"}
	ErrStateFreezed               = ErrorCode{"ERR_STATE_FREEZED"}
	ErrLocalAppFailure            = ErrorCode{"ERR_LOCAL_APP_FAILURE"}
	ErrBindIOCPFailed             = ErrorCode{"ERR_BIND_IOCP_FAILED"}
	ErrNetworkStartFailed         = ErrorCode{"ERR_NETWORK_START_FAILED"}
	ErrNotImplemented             = ErrorCode{"ERR_NOT_IMPLEMENTED"}
	ErrCheckpointFailed           = ErrorCode{"ERR_CHECKPOINT_FAILED"}
	ErrWrongTiming                = ErrorCode{"ERR_WRONG_TIMING"}
	ErrNoNeedOperate              = ErrorCode{"ERR_NO_NEED_OPERATE"}
	ErrCorruption                 = ErrorCode{"ERR_CORRUPTION"}
	ErrTryAgain                   = ErrorCode{"ERR_TRY_AGAIN"}
	ErrClusterNotFound            = ErrorCode{"ERR_CLUSTER_NOT_FOUND"}
	ErrClusterAlreadyExist        = ErrorCode{"ERR_CLUSTER_ALREADY_EXIST"}
	ErrReplicationFailure         = ErrorCode{"ERR_REPLICATION_FAILURE"}
	ErrAppExist                   = ErrorCode{"ERR_APP_EXIST"}
	ErrAppNotExist                = ErrorCode{"ERR_APP_NOT_EXIST"}
	ErrBusyCreating               = ErrorCode{"ERR_BUSY_CREATING"}
	ErrBusyDropping               = ErrorCode{"ERR_BUSY_DROPPING"}
	ErrExpired                    = ErrorCode{"ERR_EXPIRED"}
	ErrLockAlreadyExist           = ErrorCode{"ERR_LOCK_ALREADY_EXIST"}
	ErrHoldByOthers               = ErrorCode{"ERR_HOLD_BY_OTHERS"}
	ErrRecursiveLock              = ErrorCode{"ERR_RECURSIVE_LOCK"}
	ErrNoOwner                    = ErrorCode{"ERR_NO_OWNER"}
	ErrNodeAlreadyExist           = ErrorCode{"ERR_NODE_ALREADY_EXIST"}
	ErrInconsistentState          = ErrorCode{"ERR_INCONSISTENT_STATE"}
	ErrArrayIndexOutOfRange       = ErrorCode{"ERR_ARRAY_INDEX_OUT_OF_RANGE"}
	ErrAppDropped                 = ErrorCode{"ERR_APP_DROPPED"}
	ErrZookeeperOperation         = ErrorCode{"ERR_ZOOKEEPER_OPERATION"}
	ErrServiceAlreadyExist        = ErrorCode{"ERR_SERVICE_ALREADY_EXIST"}
	ErrInjected                   = ErrorCode{"ERR_INJECTED"}
	ErrNetworkFailure             = ErrorCode{"ERR_NETWORK_FAILURE"}
	ErrUnderRecovery              = ErrorCode{"ERR_UNDER_RECOVERY"}
	ErrOperationDisabled          = ErrorCode{"ERR_OPERATION_DISABLED"}
	ErrChildRegistered            = ErrorCode{"ERR_CHILD_REGISTERED"}
	ErrIngestionFailed            = ErrorCode{"ERR_INGESTION_FAILED"}
	ErrUnauthenticated            = ErrorCode{"ERR_UNAUTHENTICATED"}
	ErrKrb5Internal               = ErrorCode{"ERR_KRB5_INTERNAL"}
	ErrSASLInternal               = ErrorCode{"ERR_SASL_INTERNAL"}
	ErrSASLIncomplete             = ErrorCode{"ERR_SASL_INCOMPLETE"}
	ErrACLDeny                    = ErrorCode{"ERR_ACL_DENY"}
	ErrSplitting                  = ErrorCode{"ERR_SPLITTING"}
	ErrParentPartitionMisused     = ErrorCode{"ERR_PARENT_PARTITION_MISUSED"}
	ErrChildNotReady              = ErrorCode{"ERR_CHILD_NOT_READY"}
	ErrDiskInsufficient           = ErrorCode{"ERR_DISK_INSUFFICIENT"}
	ErrLearnerNotFound            = ErrorCode{"ERR_LEARNER_NOT_FOUND"}
	ErrDirNotEmpty                = ErrorCode{"ERR_DIR_NOT_EMPTY"}
	ErrFSInternal                 = ErrorCode{"ERR_FS_INTERNAL"}
	ErrIgnoreBadData              = ErrorCode{"ERR_IGNORE_BAD_DATA"}
	ErrMockInternal               = ErrorCode{"ERR_MOCK_INTERNAL"}
	ErrRetryExhausted             = ErrorCode{"ERR_RETRY_EXHAUSTED"}
	ErrSyncRangerPoliciesFailed   = ErrorCode{"ERR_SYNC_RANGER_POLICIES_FAILED"}
	ErrRangerParseACL             = ErrorCode{"ERR_RANGER_PARSE_ACL"}
	ErrRangerPoliciesNoNeedUpdate = ErrorCode{"ERR_RANGER_POLICIES_NO_NEED_UPDATE"}
	ErrRDBCorruption              = ErrorCode{"ERR_RDB_CORRUPTION"}
	ErrDiskIOError                = ErrorCode{"ERR_DISK_IO_ERROR"}
	ErrCurlFailed                 = ErrorCode{"ERR_CURL_FAILED"}
	ErrDupExist                   = ErrorCode{"ERR_DUP_EXIST"}
	ErrHTTPError                  = ErrorCode{"ERR_HTTP_ERROR"}
	ErrNotMatched                 = ErrorCode{"ERR_NOT_MATCHED"}
)

// serverOnly are names that no client library knows; one in a frame header kills a connection.
var serverOnly = map[string]ErrorCode{
	"ERR_RETRY_EXHAUSTED":                ErrUnknown,
	"ERR_SYNC_RANGER_POLICIES_FAILED":    ErrUnknown,
	"ERR_RANGER_PARSE_ACL":               ErrUnknown,
	"ERR_RANGER_POLICIES_NO_NEED_UPDATE": ErrUnknown,
	"ERR_RDB_CORRUPTION":                 ErrUnknown,
	"ERR_DISK_IO_ERROR":                  ErrDiskInsufficient,
	"ERR_CURL_FAILED":                    ErrUnknown,
	"ERR_DUP_EXIST":                      ErrUnknown,
	"ERR_HTTP_ERROR":                     ErrUnknown,
	"ERR_NOT_MATCHED":                    ErrUnknown,
}

// ClientKnows returns e, or the nearest code that every maintained client library can decode.
func ClientKnows(e ErrorCode) ErrorCode {
	if known, ok := serverOnly[e.Name]; ok {
		return known
	}
	return e
}
