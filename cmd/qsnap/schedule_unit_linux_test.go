package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestARunWritesOnlyWhereItsUnitLetsIt runs a profile while all is read-only but the
// directories that the unit names, as with ProtectSystem=strict.
func TestARunWritesOnlyWhereItsUnitLetsIt(t *testing.T) {
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		if os.Getenv("QSNAP_TEST_SCHEDULERS") == "required" {
			t.Fatal(err)
		}
		t.Skipf("there is no mount namespace here: %v", err)
	}
	h := newExampleHost(t)
	h.configure("config.yaml")
	h.sh("qsnap init -p app && mkdir -p $ROOT/state $HOME/.cache/qsnap")
	unit := h.sh("qsnap schedule install app --systemd --print")
	if !strings.Contains(unit, "ProtectSystem=strict") {
		t.Fatalf("the unit has no ProtectSystem:\n%s", unit)
	}
	writable := []string{h.dir + "/state"} // StateDirectory
	for _, m := range regexp.MustCompile(`(?m)^ReadWritePaths=(.*)$`).FindAllStringSubmatch(unit, -1) {
		for word := range strings.FieldsSeq(m[1]) {
			if dir := strings.TrimPrefix(word, "-"); dir != "/tmp" {
				writable = append(writable, dir)
			}
		}
	}
	// The directories of this test lie in /tmp, so a new one takes the place of that.
	out := h.sh(`exec unshare -m sh -euc '
mount --make-rprivate /
for dir in ` + strings.Join(writable, " ") + `; do mount --bind "$dir" "$dir"; done
mount -o remount,bind,ro /
mkdir -p /dev/shm/qsnap-tmp && export TMPDIR=/dev/shm/qsnap-tmp
! touch "$ROOT/backup/elsewhere" 2>/dev/null || { echo "all is writable" >&2; exit 1; }
qsnap run --scheduled -p app'`)
	if !strings.Contains(out, "app: version ") {
		t.Errorf("the run printed: %s", out)
	}
	if n := h.versions("-p app"); n != 1 {
		t.Errorf("%d versions", n)
	}
}
