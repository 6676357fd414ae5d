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

// An auditor checks that every published manifest is whole. It reads the objects themselves,
// without package repo and without an index: each blob that a manifest reaches must lie in
// some existing pack, with the bytes that its tree has. It remembers what it has read, and
// which sets of objects it has checked.
type auditor struct {
	box          *seal.Sealer
	rotated      []*seal.Sealer // of key rings that have an epoch more
	secret       seal.Secret
	slots        map[string]bool // key slots that were looked at
	data, tree   *chunk.Hasher
	decompressor *pack.Decompressor

	packs       map[string]packContents // by name and size
	manifests   map[string]*auditedManifest
	setsChecked map[digest]error // what was found, by the set of objects
	endsChecked map[digest]error // what was found at the end
}

// An auditedManifest is a manifest and the blobs that it needs.
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
		box:  seal.NewSealer(s.ring, s.id, seal.Preferred(), seeded("auditor")),
		data: chunk.NewHasher(s.ring.SubKey("data ids")), tree: chunk.NewHasher(s.ring.SubKey("tree ids")),
		decompressor: decompressor,
		packs:        map[string]packContents{}, manifests: map[string]*auditedManifest{}, setsChecked: map[digest]error{}, endsChecked: map[digest]error{},
	}
}

// check checks a set of objects.
func (a *auditor) check(s *stage, set digest, objects map[string][]byte) error {
	err, seen := a.setsChecked[set]
	if !seen {
		for _, prefix := range s.prefixes {
			err = errors.Join(err, a.checkAll(objectsBelow(objects, prefix)))
		}
		a.setsChecked[set] = err
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

// manifest returns a published manifest. It returns nil for an object of another kind, and
// for one that doesn't match its name, as a torn one.
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

// treeOf returns the name of a manifest's tree, if the auditor has read that manifest.
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

// checkManifest checks that each blob that a manifest reaches exists. The first time, it
// compares the bytes with the tree's.
func (a *auditor) checkManifest(m *auditedManifest, there *auditedPacks) error {
	if m.needs == nil {
		l := &auditLoader{there: there}
		if err := l.compare(m.root, treeNamed(m.tree)); err != nil {
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
