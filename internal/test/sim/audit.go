package sim

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// An auditor checks that every published manifest is whole. It reads the objects
// themselves, without package repo and without an index: all that a manifest
// reaches must lie in some pack that is there, with the bytes that its tree had.
// What it has read of an object it remembers, and which states it has seen.
type auditor struct {
	box          *seal.Box
	rotated      []*seal.Box // of key rings that have an epoch more
	secret       seal.Secret
	slots        map[string]bool // key slots that were looked at
	data, tree   *chunk.Hasher
	decompressor *pack.Decompressor

	packs     map[string]packContents // by name and size
	manifests map[string]*auditedManifest
	seen      map[digest]error // what was found, by the set of objects
	ended     map[digest]error // what was found at the end
}

// An auditedManifest is what a manifest needs.
type auditedManifest struct {
	tree  string // the name of the tree it is of
	needs []need // nil until it was found to be whole
	root  snapshot.Entry
}

func newAuditor(t testing.TB, s *stage) *auditor {
	t.Helper()
	decompressor, err := pack.NewDecompressor(1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := seal.NewKeyFile(seeded("key"))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := seal.ParseSecret([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &auditor{
		secret: secret, slots: map[string]bool{},
		box:  seal.NewBox(s.ring, s.id, seal.Preferred(), seeded("auditor")),
		data: chunk.NewHasher(s.ring.SubKey("data ids")), tree: chunk.NewHasher(s.ring.SubKey("tree ids")),
		decompressor: decompressor,
		packs:        map[string]packContents{}, manifests: map[string]*auditedManifest{}, seen: map[digest]error{}, ended: map[digest]error{},
	}
}

// check checks a set of objects.
func (a *auditor) check(s *stage, set digest, objects map[string][]byte) error {
	err, seen := a.seen[set]
	if !seen {
		for _, prefix := range s.parts {
			err = errors.Join(err, a.checkAll(part(objects, prefix)))
		}
		a.seen[set] = err
	}
	return err
}

func (a *auditor) checkAll(objects map[string][]byte) error {
	var there auditedPacks
	for name, b := range objects {
		if strings.HasPrefix(name, "packs/") {
			there.add(a.pack(name, b))
		}
	}
	for name, b := range objects {
		m := a.manifest(name, b)
		if m == nil {
			continue
		}
		if err := a.checkManifest(m, &there); err != nil {
			return fmt.Errorf("%s of %q is not whole: %w", shortObject(name), m.tree, err)
		}
	}
	return nil
}

// isManifest reports whether an object is a published manifest.
func (a *auditor) isManifest(name string, b []byte) bool { return a.manifest(name, b) != nil }

// manifest returns a published manifest, or nil if the object is none: of another
// kind, or not what its name says, as a torn one is.
func (a *auditor) manifest(name string, b []byte) *auditedManifest {
	if !strings.HasPrefix(name, "snapshots/") || b == nil {
		return nil
	}
	key := fmt.Sprint(name, len(b))
	m, known := a.manifests[key]
	if !known {
		m = a.readManifest(name, b)
		a.manifests[key] = m
	}
	return m
}

// treeOf returns the name of the tree that a manifest is of, if that was ever read.
func (a *auditor) treeOf(id snapshot.ID) (string, bool) {
	for key, m := range a.manifests {
		if m != nil && strings.HasPrefix(key, "snapshots/"+id.String()) {
			return m.tree, true
		}
	}
	return "", false
}

func (a *auditor) readManifest(name string, b []byte) *auditedManifest {
	if !isNamedByHash(name, b) {
		return nil
	}
	body, err := a.box.Open(seal.Manifest, b)
	for _, box := range a.rotated {
		if errors.Is(err, seal.ErrNoKey) || errors.Is(err, seal.ErrDamaged) {
			body, err = box.Open(seal.Manifest, b)
		}
	}
	if err != nil {
		return nil
	}
	m, err := snapshot.ParseManifest(body)
	if err != nil || len(m.Tags) != 1 {
		return nil
	}
	return &auditedManifest{tree: m.Tags[0], root: m.Root}
}

// checkManifest checks that all that a manifest reaches is there, and the first
// time, that it is what its tree had.
func (a *auditor) checkManifest(m *auditedManifest, there *auditedPacks) error {
	if m.needs == nil {
		l := &auditLoader{there: there}
		if err := l.compare(m.root, simTree(m.tree)); err != nil {
			return err
		}
		m.needs = l.needs
	}
	for _, n := range m.needs {
		if there.find(n) == nil {
			return fmt.Errorf("%s %s is in no pack", map[bool]string{false: "chunk", true: "tree"}[n.tree], n.id.Short())
		}
	}
	return nil
}
