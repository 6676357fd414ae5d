package state

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// source draws the same bytes in each run of a test.
func source(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func open(t *testing.T, path string, seed byte) *Dir {
	t.Helper()
	d, err := Open(path, source(seed), func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheInstallationStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "state")
	first := open(t, path, 1).Installation()
	if first.IsZero() {
		t.Error("no id was drawn")
	}
	if again := open(t, path, 2).Installation(); again != first {
		t.Errorf("it became %s, was %s", again, first)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if list, err := os.ReadDir(path); err != nil || len(list) != 1 {
		t.Errorf("%v, %v: one file is enough", list, err)
	}
}

func TestProcessesThatBeginAtOnceAreOneInstallation(t *testing.T) {
	path := t.TempDir()
	ids := make([]snapshot.Installation, 16)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			d, err := Open(path, source(byte(i)), func() time.Time { return noon })
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = d.Installation()
		})
	}
	all.Wait()
	for _, id := range ids {
		if id != ids[0] || id.IsZero() {
			t.Errorf("%s and %s", id, ids[0])
		}
	}
}

func TestADamagedInstallationIsNamed(t *testing.T) {
	path := t.TempDir()
	file := filepath.Join(path, "installation")
	if err := os.WriteFile(file, []byte("xyz"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, source(1), func() time.Time { return noon })
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "delete the file") {
		t.Error(err)
	}
}

func TestTheStateDirectoryIsTheOneOfTheServiceOrOfTheUser(t *testing.T) {
	for _, c := range []struct{ service, want string }{
		{"/var/lib/x:/var/lib/y", "/var/lib/x"},
		{"", map[bool]string{true: "/var/lib/qsnap", false: "/x/state/qsnap"}[os.Geteuid() == 0]},
	} {
		env := map[string]string{"STATE_DIRECTORY": c.service, "XDG_STATE_HOME": "/x/state", "HOME": "/home/x"}
		got, err := Default(func(k string) string { return env[k] })
		if got != c.want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, c.want)
		}
	}
}

func TestEachNameHasAFileOfItsOwn(t *testing.T) {
	long := strings.Repeat("n", 300)
	names := []string{"", ".", "..", "app", "App", "a/b", "a%2fb", "%", "a\nb", "\xff", "é", ".new-x", long, long + "x", "A" + long, "con"}
	seen := map[string]string{}
	for _, name := range names {
		file := FileName(name)
		if other, ok := seen[strings.ToLower(file)]; ok {
			t.Errorf("%q and %q have one file, %q", name, other, file)
		}
		seen[strings.ToLower(file)] = name
		if file == "" || len(file) > maxName || file[0] == '.' || strings.ContainsAny(file, "/\\:\n") {
			t.Errorf("%q has the file %q", name, file)
		}
	}
	if FileName("web-1.app") != "web-1.app" {
		t.Error("a plain name is changed")
	}
}

func TestAValueIsReadAsItWasWritten(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	var v map[string]int
	if err := d.ReadValue("Rate/x", &v); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for n := range 3 {
		if err := d.WriteValue("Rate/x", map[string]int{"n": n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.ReadValue("Rate/x", &v); err != nil || v["n"] != 2 {
		t.Error(v, err)
	}
	file := d.Path("value", FileName("Rate/x")+".json")
	if err := os.WriteFile(file, []byte(`{"n":`), 0o600); err != nil {
		t.Fatal(err)
	}
	err := d.ReadValue("Rate/x", &v)
	if e, ok := errors.AsType[*DamagedValue](err); !ok || e.Path != file {
		t.Error(err)
	}
	for range 2 {
		if err := d.RemoveValue("Rate/x"); err != nil {
			t.Error(err)
		}
	}
	if err := d.ReadValue("Rate/x", &v); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestWhatAKilledProcessLeftIsSweptAfterADay(t *testing.T) {
	d := open(t, t.TempDir(), 1)
	if err := d.WriteValue("a", 1); err != nil {
		t.Fatal(err)
	}
	old, young := d.Path("value", newPrefix+"1"), d.Path("value", newPrefix+"2")
	for name, age := range map[string]time.Duration{old: 25 * time.Hour, young: time.Hour} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, noon.Add(-age), noon.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	d.Sweep("value")
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the old one is there:", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Error(err)
	}
	var v int
	if err := d.ReadValue("a", &v); err != nil || v != 1 {
		t.Error(v, err)
	}
}
