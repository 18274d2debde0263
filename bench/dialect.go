package bench

import (
	"fmt"

	"github.com/pegasus-go/pegasus/rpc"
)

// dialects by the names they have on the command line.
var dialects = []struct {
	name  string
	value rpc.Dialect
}{
	{"thft0", rpc.THFTv0},
	{"thft1", rpc.THFTv1},
	{"native", rpc.Native},
}

// ParseDialect turns a name of a wire dialect into its value.
func ParseDialect(name string) (rpc.Dialect, error) {
	for _, d := range dialects {
		if d.name == name {
			return d.value, nil
		}
	}
	return 0, fmt.Errorf("bench: unknown dialect %q, want thft0, thft1 or native", name)
}

func dialectName(value rpc.Dialect) string {
	for _, d := range dialects {
		if d.value == value {
			return d.name
		}
	}
	return fmt.Sprint(int(value))
}
