package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestCronRunsAProfile lets the cron of this machine run a profile. It changes the user's
// crontab for a minute, so that only CI does it.
func TestCronRunsAProfile(t *testing.T) {
	if os.Getenv("QSNAP_TEST_SCHEDULERS") != "required" {
		t.Skip("QSNAP_TEST_SCHEDULERS=required lets this test change your crontab for a minute")
	}
	h := newExampleHost(t)
	h.configure("config.yaml")
	config := h.dir + "/etc/qsnap/config.yaml"
	b, err := os.ReadFile(config)
	h.check(err)
	h.check(os.WriteFile(config, []byte(strings.Replace(string(b), "every: 1h", "every: 1m", 1)), 0o600))

	old, err := readCrontab(t.Context())
	h.check(err)
	t.Cleanup(func() {
		if out, err := exec.Command("crontab", "-r").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if old != "" {
			h.check(writeCrontab(context.WithoutCancel(t.Context()), old))
		}
	})
	mine := fmt.Sprintf("# of a test\nHOME=%s/home\nSTATE_DIRECTORY=%[1]s/state\nQSNAP_NO_KEYRING=1\nMAILTO=\"\"\n", h.dir)
	h.check(writeCrontab(t.Context(), mine))

	h.sh("qsnap init -p app && qsnap schedule install app --cron")
	daemon := exec.CommandContext(t.Context(), "cron", "-f") // if another one runs, that does
	h.check(daemon.Start())
	h.until(func() bool { return strings.Contains(h.sh("qsnap history -p app"), " done ") }) // the run's end
	if n := h.versions("-p app"); n < 1 {
		t.Error("cron's run made no version")
	}
	h.sh("qsnap schedule remove app --cron")
	h.sh("qsnap run app --wait --skip-if-younger 1h") // one that has begun meanwhile ends
	if now, err := readCrontab(t.Context()); err != nil || now != mine {
		t.Errorf("the crontab is %q, %v", now, err)
	}
}
