package config_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/internal/config"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// A repository is a config and its copy on a target.
type repository struct {
	*targettest.Memory
	store *object.Store
	ring  *seal.Keyring
	whole []byte // the config as stored
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{Memory: &targettest.Memory{}, ring: fixture.Ring(t, 1)}
	r.store, r.whole = object.On(r.Memory, object.Options{}), sealed(t, r.ring, marshal(t, newConfig(t)))
	r.Set(object.ConfigName, r.whole)
	r.Set(object.ConfigCopyName, r.whole)
	return r
}

// read reads and opens the config as opening a repository does.
func (r *repository) read(t *testing.T) (*config.Config, error) {
	t.Helper()
	copies, err := config.Read(t.Context(), r.store, false)
	if err != nil {
		return nil, err
	}
	c, err := config.OpenOne(r.ring, copies[object.ConfigName])
	if err != nil {
		if copies, err = config.Read(t.Context(), r.store, true); err == nil {
			c, err = config.Open(r.ring, copies)
		}
	}
	return c, err
}

// damages are what may become of a copy of a config.
func damages(whole []byte) map[string][]byte {
	flip := func(at int) []byte { b := bytes.Clone(whole); b[at] ^= 1; return b }
	return map[string][]byte{
		"missing": nil, "empty": {}, "no header": whole[:20], "cut": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 0),
		"first bit": flip(0), "epoch": flip(8), "salt": flip(30), "ciphertext": flip(60), "last bit": flip(len(whole) - 1), "zeros": make([]byte, len(whole)),
	}
}

func TestADamagedConfigIsReadFromItsCopy(t *testing.T) {
	for what, b := range damages(newRepository(t).whole) {
		for _, name := range []string{object.ConfigName, object.ConfigCopyName} {
			r := newRepository(t)
			r.Set(name, damages(r.whole)[what])
			if c, err := r.read(t); err != nil || c.ID() != newConfig(t).ID() {
				t.Errorf("%s, %s (%d bytes): %v, %v", name, what, len(b), c, err)
			}
			if got, err := config.ReadSound(t.Context(), r.store, r.ring); err != nil || !bytes.Equal(got, r.whole) {
				t.Errorf("%s, %s: sound are %d bytes, %v", name, what, len(got), err)
			}
		}
	}
}

func TestWithoutASoundCopyTheErrorNamesTheConfig(t *testing.T) {
	for what := range damages(newRepository(t).whole) {
		r := newRepository(t)
		bad := damages(r.whole)[what]
		r.Set(object.ConfigName, bad)
		r.Set(object.ConfigCopyName, bad)
		c, err := r.read(t)
		if c != nil || err == nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		missing := errors.Is(err, config.ErrNoRepository) // or something that isn't qsnap's
		damage, ok := errors.AsType[*object.DamageError](err)
		if ok == missing || ok && damage.Object != object.ConfigName {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := config.ReadSound(t.Context(), r.store, r.ring); err == nil {
			t.Errorf("%s: it counts as sound", what)
		}
	}
}

func TestASoundConfigCostsOneRequest(t *testing.T) {
	r := newRepository(t)
	f := &targettest.Faulty{Memory: r.Memory}
	r.store = object.On(f, object.Options{})
	if _, err := r.read(t); err != nil || f.Ops() != 1 {
		t.Errorf("%d requests, %v", f.Ops(), err)
	}
	copies, err := config.Read(t.Context(), r.store, true)
	if err != nil || len(copies) != 2 || !config.Has(copies, r.whole) || config.Has(copies, r.whole[1:]) {
		t.Errorf("both: %d copies, %v", len(copies), err)
	}
}

func TestAConfigOpensWithItsOwnKeyOnly(t *testing.T) {
	r := newRepository(t)
	if _, err := config.OpenOne(fixture.Ring(t, 2), r.whole); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("with another key: %v", err)
	}
	_, err := config.Open(fixture.Ring(t, 2), map[string][]byte{object.ConfigName: r.whole, object.ConfigCopyName: r.whole})
	if damage, ok := errors.AsType[*object.DamageError](err); !ok || damage.Object != object.ConfigName {
		t.Errorf("with another key: %v", err)
	}
	other := fixture.Sealer(r.ring)
	b, err := other.Seal(seal.Config, marshal(t, newConfig(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.OpenOne(r.ring, b); err == nil {
		t.Error("a config that is sealed with a repository's id opens")
	}
	if b, err = seal.NewSealer(r.ring, [32]byte{}, seal.AES256GCM, nil).Seal(seal.Manifest, marshal(t, newConfig(t))); err != nil {
		t.Fatal(err)
	}
	if _, err := config.OpenOne(r.ring, b); err == nil {
		t.Error("an object of another kind opens as a config")
	}
}

func TestAnUnreadableConfigIsReadFromItsCopyButNotAfterAFailure(t *testing.T) {
	for _, c := range []struct {
		err  error
		copy bool
	}{{syscall.EIO, true}, {fs.ErrPermission, true}, {syscall.ECONNRESET, false}, {target.ErrGivenUp, false}} {
		r := newRepository(t)
		r.store = object.On(&fixture.BadSector{Target: r.Memory, Name: object.ConfigName, Err: c.err}, object.Options{})
		_, err := r.read(t)
		if (err == nil) != c.copy || err != nil && !errors.Is(err, c.err) {
			t.Errorf("the config can't be read (%v): %v", c.err, err)
		}
		r.Set(object.ConfigCopyName, nil)
		if _, err := r.read(t); !errors.Is(err, c.err) {
			t.Errorf("the config can't be read (%v), and has no copy: %v", c.err, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := config.Read(ctx, newRepository(t).store, false); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAFileOfSomebodyElseIsNoRepository(t *testing.T) {
	r := newRepository(t)
	r.Set(object.ConfigName, []byte("[core]\n\tbare = false\n"))
	r.Set(object.ConfigCopyName, nil)
	_, err := r.read(t)
	if !errors.Is(err, config.ErrNoRepository) || !strings.Contains(err.Error(), `"config"`) {
		t.Errorf("%v", err)
	}
}

func TestAConfigOfALaterVersionIsSaidToBeOne(t *testing.T) {
	r := newRepository(t)
	later := bytes.Clone(r.whole)
	later[6] = 2
	r.Set(object.ConfigName, later)
	r.Set(object.ConfigCopyName, later)
	_, err := r.read(t)
	if v, ok := errors.AsType[*seal.VersionError](err); !ok || v.Version != 2 || errors.Is(err, config.ErrNoRepository) {
		t.Errorf("%v", err)
	}
}

func TestAnEndlessConfigIsNotRead(t *testing.T) {
	r := newRepository(t)
	endless := append(bytes.Clone(r.whole), make([]byte, object.MaxConfig)...)
	r.Set(object.ConfigName, endless)
	if _, err := r.read(t); err != nil {
		t.Errorf("its copy isn't read: %v", err)
	}
	r.Set(object.ConfigCopyName, endless)
	if _, err := r.read(t); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("both are endless: %v", err)
	}
}
