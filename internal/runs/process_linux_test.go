package runs_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
)

// ended returns what identified a process of this machine that has ended.
func ended(t *testing.T) []byte {
	t.Helper()
	fields := strings.Fields(string(runs.Process()))
	if len(fields) != 4 {
		t.Fatalf("this process is %q", fields)
	}
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, "%s %s %d %s", fields[0], fields[1], cmd.Process.Pid, fields[3])
}

func TestAProcessOfThisMachineIsKnownToHaveEnded(t *testing.T) {
	own := runs.Process()
	if runs.HasEnded(own) {
		t.Error("this process has ended")
	}
	if !runs.HasEnded(ended(t)) {
		t.Error("another hasn't")
	}
	if !runs.HasEnded(append(bytes.Clone(own), '0')) {
		t.Error("one whose number was used again hasn't")
	}
	rest := own[bytes.IndexByte(own, ' '):]
	for what, process := range map[string][]byte{
		"no machine": []byte("99999999 7"), "none": nil, "empty": {}, "garbage": []byte("x"), "another machine": append([]byte("4a5b"), rest...),
		"another namespace": bytes.Replace(own, []byte("pid:["), []byte("pid:[9"), 1), "no numbers": own[:bytes.LastIndexByte(own, ']')+2],
		"no start": own[:bytes.LastIndexByte(own, ' ')+1],
		"words":    append(bytes.Clone(own[:bytes.LastIndexByte(own, ']')+2]), "a b"...),
	} {
		if runs.HasEnded(process) {
			t.Errorf("%s (%q): it surely has ended", what, process)
		}
	}
	if !bytes.Contains(own, fmt.Appendf(nil, " %d ", os.Getpid())) {
		t.Errorf("this process is %q", own)
	}
}

func TestARunWhoseProcessHasEndedIsDeadAtOnce(t *testing.T) {
	h := newHouse(t)
	run, _ := h.begin(runs.Writing, "snapshot")
	name := h.leases()[0]
	body, err := object.Encode(runs.Record{What: "snapshot", Process: ended(t)})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := h.sealer.SealIn(run, seal.Lease, body)
	if err != nil {
		t.Fatal(err)
	}
	h.mem.Set(name, sealed)
	if v := look(t, h.Liveness()); v.IsAlive(run) || !v.IsResumable(run) || len(v.Dead()) != 1 {
		t.Errorf("alive %v, kept %v, dead are %+v", v.IsAlive(run), v.IsResumable(run), v.Dead())
	}
}
