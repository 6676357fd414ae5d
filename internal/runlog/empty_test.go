package runlog_test

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/runlog"
)

func TestALogLeavesOutWhatIsEmpty(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: runlog.LeaveOutEmpty}))
	var none error
	log = log.With("profile", "app", "skipped", "", "level", "")
	log.Info("a run", "slot", time.Time{}, "message", "", "err", none, "code", 0, "due", time.Unix(0, 0).UTC(), "why", errors.New("x"))
	_, said, _ := bytes.Cut(out.Bytes(), []byte(" "))
	if got, want := string(said), "level=INFO msg=\"a run\" profile=app code=0 due=1970-01-01T00:00:00.000Z why=x\n"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
}
