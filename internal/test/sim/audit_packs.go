package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/fstest"

	"github.com/zeebo/blake3"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/seal"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/snapshot"
)

// packContents are the chunks or trees of a pack; nil if it is damaged.
type packContents map[chunk.ID][]byte

type need struct {
	id   chunk.ID
	tree bool
}

func isNamedByHash(name string, b []byte) bool {
	hash := blake3.Sum256(b)
	return strings.HasSuffix(name, "/"+chunk.ID(hash).String())
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
	err := snapshot.Walk(context.Background(), l, &root, func(path string, e *snapshot.Entry, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if e.Type == snapshot.Dir {
			return nil
		}
		var content []byte
		for c, err := range snapshot.Chunks(context.Background(), l, e, 0) {
			var b []byte
			if err == nil {
				b, err = l.load(need{c.ID, false})
			}
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			content = append(content, b...)
		}
		if want[path] == nil || !bytes.Equal(content, want[path].Data) {
			return fmt.Errorf("%s has other bytes", path)
		}
		found++
		return nil
	})
	if err != nil {
		return err
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

func (a *auditor) readPack(box *seal.Sealer, name string, b []byte) (packContents, error) {
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
