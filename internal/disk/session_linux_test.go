package disk

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestASessionIsDeadWhenItsProcessIs(t *testing.T) {
	s := NewSession()
	if s.State() != Alive {
		t.Errorf("a session that has begun is %d", s.State())
	}
	s.End()
	if s.State() != Dead {
		t.Errorf("a session that has ended is %d", s.State())
	}
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	start := processStart(other.Process.Pid)
	of := func(place string) Session {
		return Session(fmt.Sprintf("%sx%xx%xx00000000", place, other.Process.Pid, start))
	}
	running := of(here())
	earlier := Session(fmt.Sprintf("%sx%xx%xx00000000", here(), other.Process.Pid, start-1))
	if running.State() != Alive || earlier.State() != Dead {
		t.Errorf("one of another process is %d, one of an earlier process of that number is %d", running.State(), earlier.State())
	}
	other.Process.Kill()
	other.Wait()
	if running.State() != Dead {
		t.Errorf("when its process is killed it is %d", running.State())
	}
	flip := func(at int) string {
		b := []byte(here())
		b[at] ^= 1
		return string(b)
	}
	for place, want := range map[string]State{flip(0): Unknown, flip(8): Dead, flip(16): Unknown, "": Unknown} {
		if got := of(place).State(); got != want {
			t.Errorf("one of %q is %d, want %d", place, got, want)
		}
	}
	if s := Session(""); s.State() != Unknown {
		t.Errorf("none is %d", s.State())
	}
}

func TestWhatIsMovedAsideComesBack(t *testing.T) {
	out := openOut(t, t.TempDir())
	for _, name := range []string{"a", "-x-.y", strings.Repeat("n", 255)} {
		if err := os.WriteFile(out.path+"/"+name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := out.MoveAside(name); err != nil {
			t.Fatal(err)
		}
		names, err := out.Names()
		if err != nil || len(names) != 1 || !IsAside(names[0]) {
			t.Fatalf("there are %q, %v", names, err)
		}
		list, session, err := out.Asides(names[0])
		if err != nil || len(list) != 1 || list[0].Was != name || session != "test" {
			t.Fatalf("%q is %v of %q, %v", names[0], list, session, err)
		}
		if err := out.PutBack(list[0]); err != nil {
			t.Fatal(err)
		}
		if names, err := out.Names(); err != nil || len(names) != 1 || names[0] != name {
			t.Fatalf("there are %q, %v", names, err)
		}
		if err := out.Unlink(name); err != nil {
			t.Fatal(err)
		}
	}
}
