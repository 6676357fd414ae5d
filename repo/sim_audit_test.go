package repo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zeebo/blake3"

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

// packContents are the chunks or trees of a pack; nil if it is damaged.
type packContents map[chunk.ID][]byte

// An auditedManifest is what a manifest needs.
type auditedManifest struct {
	tree  string // the name of the tree it is of
	needs []need // nil until it was found to be whole
	root  snapshot.Entry
}

type need struct {
	id   chunk.ID
	tree bool
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

func isNamedByHash(name string, b []byte) bool {
	hash := blake3.Sum256(b)
	return strings.HasSuffix(name, "/"+chunk.ID(hash).String())
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

// auditedPacks are the packs that are there.
type auditedPacks struct{ data, trees []packContents }

func (p *auditedPacks) add(c packContents, tree bool) {
	if tree {
		p.trees = append(p.trees, c)
	} else {
		p.data = append(p.data, c)
	}
}

func (p *auditedPacks) find(n need) []byte {
	packs := p.data
	if n.tree {
		packs = p.trees
	}
	for _, c := range packs {
		if b, ok := c[n.id]; ok {
			return b
		}
	}
	return nil
}

// An auditLoader finds blobs in packs, and notes which were asked for.
type auditLoader struct {
	there *auditedPacks
	needs []need
}

// Tree is part of snapshot.Loader.
func (l *auditLoader) Tree(_ context.Context, id chunk.ID) ([]byte, error) {
	return l.load(need{id, true})
}

func (l *auditLoader) load(n need) ([]byte, error) {
	l.needs = append(l.needs, n)
	b := l.there.find(n)
	if b == nil {
		return nil, fmt.Errorf("%s is in no pack", n.id.Short())
	}
	return b, nil
}

// compare returns an error unless a snapshot holds just those files.
func (l *auditLoader) compare(root snapshot.Entry, want fstest.MapFS) error {
	found := 0
	for e, err := range snapshot.Walk(context.Background(), l, &root) {
		if err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
		if e.Type == snapshot.Dir {
			continue
		}
		var content []byte
		for c, err := range snapshot.Chunks(context.Background(), l, e.Entry, 0) {
			var b []byte
			if err == nil {
				b, err = l.load(need{c.ID, false})
			}
			if err != nil {
				return fmt.Errorf("%s: %w", e.Path, err)
			}
			content = append(content, b...)
		}
		if want[e.Path] == nil || !bytes.Equal(content, want[e.Path].Data) {
			return fmt.Errorf("%s has other bytes", e.Path)
		}
		found++
	}
	if found != len(want) {
		return fmt.Errorf("it has %d files instead of %d", found, len(want))
	}
	return nil
}

// pack returns what a pack holds, and whether that is trees.
func (a *auditor) pack(name string, b []byte) (packContents, bool) {
	tree := bytes.HasPrefix(b, []byte("qsnapT"))
	key := fmt.Sprint(name, len(b))
	c, known := a.packs[key]
	if !known {
		var err error
		c, err = a.readPack(a.box, name, b)
		for _, box := range a.rotated {
			if err != nil {
				c, err = a.readPack(box, name, b)
			}
		}
		if err != nil {
			c = nil
		}
		a.packs[key] = c
	}
	return c, tree
}

func (a *auditor) readPack(box *seal.Box, name string, b []byte) (packContents, error) {
	if !isNamedByHash(name, b) {
		return nil, errors.New("not what its name says")
	}
	info, err := pack.ReadInfo(box, pack.ID(blake3.Sum256(b)), int64(len(b)), bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	cipher, err := box.Cipher(info.Header)
	if err != nil {
		return nil, err
	}
	hasher := a.data
	if info.IsTree() {
		hasher = a.tree
	}
	out := packContents{}
	var plain []byte
	for n, s := range info.Segments {
		sealed := bytes.Clone(b[s.Offset : s.Offset+int64(s.Stored)])
		if plain, err = a.decompressor.Segment(cipher, s, n, sealed, nil); err != nil {
			return nil, err
		}
		for _, blob := range info.Blobs {
			if int(blob.Segment) != n {
				continue
			}
			data := plain[blob.Offset : blob.Offset+blob.Length]
			if err := hasher.Verify(blob.ID, data); err != nil {
				return nil, err
			}
			out[blob.ID] = data
		}
	}
	return out, nil
}
