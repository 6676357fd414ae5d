package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target/local"
	"github.com/qsnap/qsnap/target/targettest"
)

// holding returns a target with objects of these names.
func holding(names ...string) (*targettest.Memory, *object.Store) {
	mem := &targettest.Memory{}
	for _, name := range names {
		mem.Set(name, []byte("x"))
	}
	return mem, object.On(mem, object.Options{})
}

func TestARepositoryIsMadeOnlyWhereNothingElseIs(t *testing.T) {
	begun := config.Below(object.TwinName, string(object.Keys))
	for name, want := range map[string]error{
		"": nil, "keys/a": nil, "twin": nil, // as an interrupted one leaves them
		"notes": config.ErrOccupied, "twin2": config.ErrOccupied, "twin/a": config.ErrOccupied, "keys2/a": config.ErrOccupied,
		"config": config.ErrNoConfig, "replica": config.ErrNoConfig, "reserve": config.ErrNoConfig, "epochs/a": config.ErrNoConfig,
	} {
		mem, store := holding()
		if name != "" {
			mem.Set(name, []byte("x"))
		}
		err := config.Vacant(t.Context(), store, begun)
		if !errors.Is(err, want) || want != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("it holds %q: %v", name, err)
		}
		damage, ok := errors.AsType[*object.DamageError](err)
		if ok != (want == config.ErrNoConfig) || ok && damage.Object != object.ConfigName {
			t.Errorf("it holds %q: %v", name, err)
		}
	}
	for _, k := range object.Kinds {
		_, store := holding(k.Name([32]byte{1}))
		if err := config.Vacant(t.Context(), store, config.Below()); !errors.Is(err, config.ErrNoConfig) {
			t.Errorf("of a repository %s is left: %v", k, err)
		}
	}
}

func TestAForeignFileIsInTheWay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "target")
	tgt, err := local.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	store := object.On(tgt, object.Options{})
	if err := config.Vacant(t.Context(), store, config.Below()); err != nil {
		t.Errorf("empty: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Report.PDF"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := config.Vacant(t.Context(), store, config.Below()); !errors.Is(err, config.ErrOccupied) || !strings.Contains(err.Error(), "Report.PDF") {
		t.Errorf("with a file: %v", err)
	}
}

func TestWhatIsLeftTellsWhyThereIsNoConfig(t *testing.T) {
	for name, want := range map[string]error{
		"": config.ErrNoRepository, "notes": config.ErrNoRepository, "leases/w": config.ErrNoRepository,
		"keys/a": config.ErrUnfinished, "packs/aa/a": config.ErrNoConfig, "snapshots/a": config.ErrNoConfig, "index/a": config.ErrNoConfig, "reserve": config.ErrNoConfig,
	} {
		mem, store := holding()
		if name != "" {
			mem.Set(name, []byte("x"))
		}
		err := config.Probe(t.Context(), store)
		lost := want == config.ErrNoConfig
		if !errors.Is(err, want) || object.IsDamage(err) != lost || errors.Is(err, config.ErrNoRepository) == lost {
			t.Errorf("it holds %q: %v", name, err)
		}
		if unfinished := errors.Is(err, config.ErrUnfinished); unfinished != (name == "keys/a") {
			t.Errorf("it holds %q: %v", name, err)
		}
		mem.Set("keys/a", []byte("x"))
		if err := config.Probe(t.Context(), store); errors.Is(err, config.ErrNoConfig) != lost {
			t.Errorf("it holds %q and key slots: %v", name, err)
		}
	}
	r := newRepository(t)
	if err := config.Probe(t.Context(), r.store); err != nil {
		t.Errorf("there is a repository: %v", err)
	}
	r.Set("packs/aa/a", []byte("x"))
	if err := config.ExplainMissing(t.Context(), r.store, syscall.EIO); err != syscall.EIO {
		t.Errorf("another error: %v", err)
	}
}

func TestAFailureIsNoVacancy(t *testing.T) {
	f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}
	store := object.On(f, object.Options{})
	if err := config.Vacant(t.Context(), store, config.Below()); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("Vacant: %v", err)
	}
	if err := config.ExplainMissing(t.Context(), store, config.ErrNoRepository); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("ExplainMissing: %v", err)
	}
	if err := config.Probe(t.Context(), store); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("Probe: %v", err)
	}
}

func TestTheFirstObjectIsFoundByNameOrPrefix(t *testing.T) {
	_, store := holding("keys/a", "keys/b", "twin")
	for name, want := range map[string]string{"keys/": "keys/a", "twin": "twin", "config": "", "packs/": "", "keys": ""} {
		if got, err := config.FirstObject(t.Context(), store, name); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestSiblingsAreToldApart(t *testing.T) {
	names := map[string]bool{}
	for seed := range byte(3) {
		mem, store := holding()
		if got, err := config.ReadSibling(t.Context(), store, object.TwinName); err != nil || got != "" {
			t.Errorf("none: %q, %v", got, err)
		}
		if err := config.PutSibling(t.Context(), store, object.TwinName, fixture.Random(seed)); err != nil {
			t.Fatal(err)
		}
		first, err := config.ReadSibling(t.Context(), store, object.TwinName)
		if err != nil || len(first) != 9 || first[0] != '-' {
			t.Errorf("%q, %v", first, err)
		}
		// As after an interruption: the first one stays.
		if err := config.PutSibling(t.Context(), store, object.TwinName, fixture.Random(99)); err != nil {
			t.Error(err)
		}
		if again, err := config.ReadSibling(t.Context(), store, object.TwinName); err != nil || again != first {
			t.Errorf("%q is %q then, %v", first, again, err)
		}
		if n := len(mem.Objects()[object.TwinName]); n != config.SiblingSize {
			t.Errorf("it has %d bytes", n)
		}
		names[first] = true
	}
	if len(names) != 3 {
		t.Errorf("three twins have the names %v", names)
	}
}

func TestASiblingIsOneEvenIfItsBytesCantBeRead(t *testing.T) {
	mem, _ := holding(object.TwinName)
	bad := object.On(&fixture.BadSector{Target: mem, Name: object.TwinName, Err: syscall.EIO}, object.Options{})
	if got, err := config.ReadSibling(t.Context(), bad, object.TwinName); err != nil || got == "" {
		t.Errorf("%q, %v", got, err)
	}
	broken := object.On(&fixture.BadSector{Target: mem, Name: object.TwinName, Err: syscall.ECONNRESET}, object.Options{})
	if got, err := config.ReadSibling(t.Context(), broken, object.TwinName); err == nil {
		t.Errorf("a target that fails: %q", got)
	}
	for _, b := range []string{"", "x", strings.Repeat("x", 1000)} {
		mem.Set(object.TwinName, []byte(b))
		if got, err := config.ReadSibling(t.Context(), object.On(mem, object.Options{}), object.TwinName); err != nil || len(got) != 9 {
			t.Errorf("of %d bytes: %q, %v", len(b), got, err)
		}
	}
	f := &targettest.Faulty{Memory: &targettest.Memory{}, Decide: func(targettest.Op) targettest.Fault { return targettest.Fail }}
	if err := config.PutSibling(t.Context(), object.On(f, object.Options{}), object.TwinName, fixture.Random(1)); !errors.Is(err, targettest.ErrFault) {
		t.Errorf("a put that fails: %v", err)
	}
	if err := config.PutSibling(t.Context(), object.On(mem, object.Options{}), object.TwinName, strings.NewReader("short")); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("without random bytes: %v", err)
	}
}
