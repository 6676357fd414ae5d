package runs_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/runs"
	"github.com/qsnap/qsnap/internal/seal"
)

// The numbers of the fields are part of the format.
func TestTheBytesOfARecordStayTheSame(t *testing.T) {
	b, err := object.Encode(runs.Record{
		What: "a", Hostname: []byte("b"), Username: []byte("c"), Process: []byte("d"), Begun: 5,
		Paths: [][]byte{[]byte("/")}, Trees: [][2][]byte{{[]byte("p"), []byte("t")}}, Runs: [][]byte{[]byte("r")},
	})
	want := "a8" + "016161" + "024162" + "034163" + "044164" + "0505" + "0681412f" + "078182" + "41704174" + "08814172"
	if got := hex.EncodeToString(b); err != nil || got != want {
		t.Errorf("it is %s, %v", got, err)
	}
}

func TestALeaseSaysWhatItsRunDoes(t *testing.T) {
	h := newHouse(t)
	run, l := h.begin(runs.Writing, "snapshot")
	read := func() *runs.Record {
		v := h.Liveness()
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		record, _ := v.Alive(run)
		return record
	}
	record := read()
	if record.What != "snapshot" || string(record.Hostname) != "host" || string(record.Username) != "user" || record.Begun != h.clock.Now().UnixNano() || string(record.Process) != string(runs.Process()) {
		t.Errorf("%+v", record)
	}
	other := seal.Run{7}
	l.SetTrees([][2][]byte{{[]byte("/a"), make([]byte, 32)}})
	if err := l.ProtectRuns(t.Context(), map[seal.Run]bool{other: true}); err != nil {
		t.Fatal(err)
	}
	record = read()
	if len(record.Trees) != 1 || string(record.Trees[0][0]) != "/a" || len(record.Runs) != 1 || seal.Run(record.Runs[0]) != other {
		t.Errorf("%+v", record)
	}
	own := runs.Record{What: "snapshot", Hostname: []byte("named"), Paths: [][]byte{[]byte("/a"), []byte("/b")}}
	if !own.IsOf("named", []string{"/a", "/b"}) || own.IsOf("named", []string{"/a"}) || own.IsOf("host", []string{"/a", "/b"}) {
		t.Error("its source is taken for another")
	}
	if own.What = "restore"; own.IsOf("named", []string{"/a", "/b"}) {
		t.Error("a restore is taken for a snapshot")
	}
	run = seal.Run{8}
	if _, err := h.Begin(t.Context(), run, runs.Writing, own); err != nil {
		t.Fatal(err)
	}
	if record = read(); string(record.Hostname) != "named" {
		t.Errorf("the source's host is %q", record.Hostname)
	}
}

func TestStrangersAreNoLeases(t *testing.T) {
	name := leaseName(runs.Reading, seal.Run{0xab}, 1)
	if !runs.IsLeaseName(name) {
		t.Errorf("%s is none", name)
	}
	for _, other := range []string{"", "leases/", name + "0", name[:len(name)-1], strings.ToUpper(name), "leases/r-ab-00000001", strings.Replace(name, "-0000000", "-+000000", 1), name + "-1"} {
		if runs.IsLeaseName(other) {
			t.Errorf("%q is one", other)
		}
	}
}

func TestALeaseOfAnotherRunIsDamaged(t *testing.T) {
	h := newHouse(t)
	run, _ := h.begin(runs.Writing, "snapshot")
	other, _ := h.begin(runs.Writing, "snapshot")
	name := leaseName(runs.Writing, run, 1)
	for what, b := range map[string][]byte{"another's": h.mem.Objects()[leaseName(runs.Writing, other, 1)], "garbage": []byte("x"), "empty": {}} {
		if h.CheckLease(name, b) == nil {
			t.Errorf("%s: nothing is wrong", what)
		}
	}
}
