package thft

// The result types of the calls, by field id, as the released clients know them.
var (
	keyValue = Fields{1: Blob, 2: Blob, 3: I32}
	fullData = Fields{1: Blob, 2: Blob, 3: Blob}
	update   = Fields{1: I32, 2: I32, 3: I32, 4: I64, 5: Str}
	checkAnd = Fields{1: I32, 2: Bool, 3: Bool, 4: Blob, 5: I32, 6: I32, 7: I64, 8: Str}
	scan     = Fields{1: I32, 2: List(keyValue), 3: I64, 4: I32, 5: I32, 6: Str, 7: I32}

	partition = Fields{1: Gpid, 2: I64, 3: I32, 4: Address, 5: List(Address), 6: List(Address), 7: I64, 8: I32}
	queryCfg  = Fields{1: ErrCode, 2: I32, 3: I32, 4: Bool, 5: List(partition)}
	appInfo   = Fields{1: I32, 2: Str, 3: Str, 4: I32, 5: I32, 6: StringMap, 7: Bool, 8: I32, 9: I64, 10: I64, 11: I64, 12: Bool, 13: I32, 14: Bool}
	listNodes = Fields{1: ErrCode, 2: List(Fields{1: I32, 2: Address})}
	listApps  = Fields{1: ErrCode, 2: List(appInfo)}
	cluster   = Fields{1: ErrCode, 2: List(Str), 3: List(Str)}
)

const (
	rrdb = "RPC_RRDB_RRDB_"
	cm   = "RPC_CM_"
)

// Results knows the result type of every call that the tests make.
var Results = map[string]Type{
	rrdb + "PUT":              update,
	rrdb + "MULTI_PUT":        update,
	rrdb + "REMOVE":           update,
	rrdb + "MULTI_REMOVE":     Fields{1: I32, 2: I64, 3: I32, 4: I32, 5: I64, 6: Str},
	rrdb + "GET":              Fields{1: I32, 2: Blob, 3: I32, 4: I32, 6: Str},
	rrdb + "TTL":              Fields{1: I32, 2: I32, 3: I32, 4: I32, 6: Str},
	rrdb + "SORTKEY_COUNT":    Fields{1: I32, 2: I64, 3: I32, 4: I32, 6: Str},
	rrdb + "MULTI_GET":        Fields{1: I32, 2: List(keyValue), 3: I32, 4: I32, 6: Str},
	rrdb + "BATCH_GET":        Fields{1: I32, 2: List(fullData), 3: I32, 4: I32, 6: Str},
	rrdb + "INCR":             Fields{1: I32, 2: I64, 3: I32, 4: I32, 5: I64, 6: Str},
	rrdb + "CHECK_AND_SET":    checkAnd,
	rrdb + "CHECK_AND_MUTATE": checkAnd,
	rrdb + "GET_SCANNER":      scan,
	rrdb + "SCAN":             scan,

	cm + "QUERY_PARTITION_CONFIG_BY_INDEX": queryCfg,
	cm + "CREATE_APP":                      Fields{1: ErrCode, 2: I32},
	cm + "DROP_APP":                        Fields{1: ErrCode},
	cm + "RECALL_APP":                      Fields{1: ErrCode, 2: appInfo},
	cm + "LIST_APPS":                       listApps,
	cm + "LIST_NODES":                      listNodes,
	cm + "CLUSTER_INFO":                    cluster,
	cm + "CONTROL_META":                    Fields{1: ErrCode, 2: I32},
	cm + "UPDATE_APP_ENV":                  Fields{1: ErrCode, 2: Str},
	"RPC_CLI_CLI_CALL":                     Str,
	queryReplicaInfo:                       Fields{1: ErrCode, 2: List(Fields{1: Gpid, 2: I64, 3: I32, 4: I64, 5: I64, 6: I64, 7: Str, 8: Str, 9: I32})},
}
