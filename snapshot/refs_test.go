package snapshot

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/qsnap/qsnap/chunk"
)

// reach adds all that a page names, and what is beneath.
func reachAll(t *testing.T, s store, r Ref, pages, data map[chunk.ID]bool) {
	t.Helper()
	if r.Kind == FileData {
		data[r.ID] = true
		return
	}
	pages[r.ID] = true
	refs, err := Refs(s[r.ID], r.Kind)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range refs {
		reachAll(t, s, r, pages, data)
	}
}

func TestRefsFindAllThatASnapshotConsistsOf(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	s := store{}
	want := map[chunk.ID]bool{}
	var entries []Entry
	for i := range 700 { // several pages, files with chunks inline and in lists
		chunks := randomChunks(r, []int{0, 1, 3, 200}[i%4])
		if i == 350 {
			chunks = randomChunks(r, 9000)
		}
		for _, c := range chunks {
			want[c.ID] = true
		}
		e := writeContent(t, s, chunks)
		e.Name = fmt.Sprintf("f%03d", i)
		entries = append(entries, *e)
	}
	sub := Entry{Name: "g", Type: Dir, Subtree: writeTree(t, s, entries)}
	lost := Entry{Name: "h", Type: Dir, Problem: "permission denied"}
	root := writeTree(t, s, []Entry{sub, lost})
	pages, data := map[chunk.ID]bool{}, map[chunk.ID]bool{}
	reachAll(t, s, Ref{root, TreePage}, pages, data)
	if len(pages) != len(s) || len(data) != len(want) {
		t.Errorf("%d pages of %d, %d chunks of %d", len(pages), len(s), len(data), len(want))
	}
	for id := range want {
		if !data[id] {
			t.Errorf("chunk %s was not found", id.Short())
		}
	}
}

func TestRefsOfWhatIsNoPage(t *testing.T) {
	s := store{}
	list := writeContent(t, s, randomChunks(rand.New(rand.NewPCG(2, 6)), 100)).List
	tree := writeTree(t, s, nil)
	for name, r := range map[string]Ref{"list as tree": {list, TreePage}, "tree as list": {tree, ListPage}, "data": {list, FileData}} {
		if refs, err := Refs(s[r.ID], r.Kind); err == nil {
			t.Errorf("%s: %v", name, refs)
		}
	}
}
