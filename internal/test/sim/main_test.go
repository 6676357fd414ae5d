package sim

import (
	"os"
	"runtime/debug"
	"testing"
)

// Runs of the simulator make and drop tens of thousands of repositories. With Go's own
// setting a quarter of the time goes to collecting them.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}
