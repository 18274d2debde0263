package table

// OriginalSource says where the figures of the original come from.
const OriginalSource = "Apache Pegasus on a virtual machine with 2 cores: C++ (master, -O2), one meta server and three replica servers as processes, " +
	"8 partitions, 3 replicas, log not synced (its default), loaded by its Go client, medians of three runs"

// redisBesideOriginal lets a reader compare today's machine with the one the original ran on.
const redisBesideOriginal = "On the machine of the original, Redis 7 did 82,000–90,000 gets or sets of 1 KB per second for 8–10 µs each, nothing synced."

// Original is what the original does. Fields that were not measured are 0.
type Original struct {
	OpsPerSecond float64 `json:"ops_per_second"`
	P50Us        float64 `json:"p50_us"`
	P99Us        float64 `json:"p99_us,omitempty"`
	CPUMicros    float64 `json:"cpu_us_per_op"` // user and system time of all servers
}

// The original's figures by case, then by number of callers.
var (
	originalGet100 = map[int]*Original{
		1: {3318, 287, 741, 203}, 8: {14824, 456, 1875, 78}, 32: {18423, 1534, 5421, 60}, 128: {22761, 5298, 0, 48}, 512: {23400, 19871, 0, 44},
	}
	originalGet1K  = &Original{17759, 1595, 5400, 64}
	originalSet100 = map[int]*Original{
		1: {1018, 959, 1634, 1106}, 8: {2482, 2957, 7600, 651}, 32: {2833, 9217, 37880, 620}, 128: {3853, 25959, 0, 456}, 512: {5271, 69222, 0, 325},
	}
	originalSet1K    = &Original{2621, 9736, 42009, 660}
	originalMixed    = &Original{4168, 4591, 39059, 401}
	originalMultiGet = &Original{5526, 2575, 7359, 197}
	originalScan     = &Original{5109, 2807, 8201, 208}
)
