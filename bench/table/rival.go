package table

// RivalSource says where the figures of the original come from.
const RivalSource = "the original, measured on a 2-core machine: C++ Pegasus (master, -O2), one meta server and three replica servers as processes, " +
	"8 partitions, 3 replicas, log not synced (its default), loaded by its Go client, medians of three runs"

// Rival is what the original does. Fields that were not measured are 0.
type Rival struct {
	OpsPerSecond float64 `json:"ops_per_second"`
	P50Us        float64 `json:"p50_us"`
	P99Us        float64 `json:"p99_us,omitempty"`
	CPUMicros    float64 `json:"cpu_us_per_op"` // user and system time of all servers
}

// The original's figures by case, then by number of callers.
var (
	rivalGet100 = map[int]*Rival{
		1: {3318, 287, 741, 203}, 8: {14824, 456, 1875, 78}, 32: {18423, 1534, 5421, 60}, 128: {22761, 5298, 0, 48}, 512: {23400, 19871, 0, 44},
	}
	rivalGet1K  = &Rival{17759, 1595, 5400, 64}
	rivalSet100 = map[int]*Rival{
		1: {1018, 959, 1634, 1106}, 8: {2482, 2957, 7600, 651}, 32: {2833, 9217, 37880, 620}, 128: {3853, 25959, 0, 456}, 512: {5271, 69222, 0, 325},
	}
	rivalSet1K    = &Rival{2621, 9736, 42009, 660}
	rivalMixed    = &Rival{4168, 4591, 39059, 401}
	rivalMultiGet = &Rival{5526, 2575, 7359, 197}
	rivalScan     = &Rival{5109, 2807, 8201, 208}
)
