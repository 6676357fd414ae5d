package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/internal/keyring"
)

// A password that is in a file or a variable is remembered; one that a command prints
// isn't, nor is any with --no-keyring.
func TestPasswordsAtHandAreRememberedByTheKernel(t *testing.T) {
	for _, c := range []struct {
		env  []string
		args []string
		kept bool
	}{
		{[]string{"QSNAP_PASSWORD=secret"}, nil, true},
		{[]string{"QSNAP_PASSWORD_FILE=pw"}, nil, true},
		{nil, []string{"--password-file", "pw"}, true},
		{[]string{"QSNAP_PASSWORD_COMMAND=cat pw"}, nil, false},
		{nil, []string{"--password-command", "cat pw"}, false},
		{[]string{"QSNAP_PASSWORD=secret"}, []string{"--no-keyring"}, false},
		{[]string{"QSNAP_PASSWORD=secret", "QSNAP_NO_KEYRING=1"}, nil, false},
	} {
		s := newSession(t)
		s.env = append(append(s.env, "QSNAP_KEY_FILE="), c.env...)
		s.write("pw", []byte("secret\n"))
		s.run(append([]string{"init", "--quiet"}, c.args...)...)
		var keys []struct{ ID string }
		if err := json.Unmarshal([]byte(s.run(append([]string{"key", "list", "--json"}, c.args...)...)), &keys); err != nil || len(keys) != 1 {
			t.Fatalf("%v, %v", keys, err)
		}
		name := "qsnap:" + keys[0].ID
		_, err := (keyring.Keyring{}).Load(name)
		drop(name)
		if kept := err == nil; kept != (c.kept && kernelRemembers(t)) {
			t.Errorf("%q %q: %v", c.env, c.args, err)
		}
	}
}

// kernelRemembers reports whether the kernel has a keyring for us at all.
func kernelRemembers(t *testing.T) bool {
	name := fmt.Sprintf("qsnap-test:%d", os.Getpid())
	err := (keyring.Keyring{}).Store(name, []byte("x"))
	drop(name)
	if err != nil {
		t.Logf("it has none: %v", err)
	}
	return err == nil
}

// drop takes a key out of the keyring, as nobody but a test needs to: it would stay for
// a day.
func drop(name string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if ring, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, -1, unix.KEY_SPEC_THREAD_KEYRING, 0, 0); err == nil {
		if key, err := unix.KeyctlSearch(ring, "user", name, 0); err == nil {
			_, _ = unix.KeyctlInt(unix.KEYCTL_INVALIDATE, key, 0, 0, 0)
		}
	}
}
