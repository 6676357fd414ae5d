package snapshot

import (
	"fmt"

	"github.com/qsnap/qsnap/chunk"
)

// A RefKind says which kind of blob an id names.
type RefKind byte

// The kinds of references.
const (
	TreePage RefKind = iota // a page of a directory
	ListPage                // a page of a content list
	FileData                // a chunk of a file
)

// A Ref names a stored blob.
type Ref struct {
	ID   chunk.ID
	Kind RefKind
}

// Refs returns every blob that a stored page of that kind names, in order, with
// repetitions. A page never changes. So the whole content of a snapshot can be found from
// its root, and what two snapshots share needs to be examined only once.
func Refs(b []byte, kind RefKind) ([]Ref, error) {
	switch kind {
	case TreePage:
		p, err := parsePage(b)
		if err != nil {
			return nil, err
		}
		return p.refs(), nil
	case ListPage:
		level, spans, err := parseList(b)
		if err != nil {
			return nil, err
		}
		below := ListPage
		if level == 0 {
			below = FileData
		}
		refs := make([]Ref, len(spans))
		for i := range spans {
			refs[i] = Ref{spans[i].id, below}
		}
		return refs, nil
	}
	return nil, fmt.Errorf("page of unknown kind %d", kind)
}

func (p *page) refs() []Ref {
	refs := make([]Ref, 0, len(p.children)+len(p.entries))
	for i := range p.children {
		refs = append(refs, Ref{p.children[i].id, TreePage})
	}
	for i := range p.entries {
		e := &p.entries[i]
		switch {
		case hasSubtree(e):
			refs = append(refs, Ref{e.Subtree, TreePage})
		case !e.List.IsZero():
			refs = append(refs, Ref{e.List, ListPage})
		}
		for j := range e.Content {
			refs = append(refs, Ref{e.Content[j].ID, FileData})
		}
	}
	return refs
}
