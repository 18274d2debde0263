package meta

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a test leaves a goroutine behind: what is closed must have ended. The test binary also serves as the
// meta servers of the scale tests, which run as processes of their own.
func TestMain(m *testing.M) {
	if spec := os.Getenv(scaleMetaEnv); spec != "" {
		os.Exit(scaleMetaMain(spec))
	}
	goleak.VerifyTestMain(m)
}
