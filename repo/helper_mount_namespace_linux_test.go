package repo_test

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// inOwnMounts has the test run in another process, whose mounts end with it, and reports
// whether this is that process.
func inOwnMounts(t *testing.T) bool {
	const own = "QSNAP_TEST_HAS_OWN_MOUNTS"
	if os.Getenv(own) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v="+strconv.FormatBool(testing.Verbose()))
	cmd.Env = append(os.Environ(), own+"=yes")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // its mounts are private, too
	out, err := cmd.CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		t.Skipf("a mount namespace: %v", err)
	}
	if testing.Verbose() || err != nil {
		t.Logf("%s", out)
	}
	if err != nil {
		t.Error(err)
	}
	return false
}
