package retention

import (
	"os"
	"runtime/debug"
	"testing"
)

// These tests make and drop many thousands of snapshots. With Go's own setting a third of
// their time goes to collecting these.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}
