package capture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A changing directory is one that others change just before a file in it is opened.
type changing struct {
	source.Dir
	change func(name string)
}

func (d changing) Open(name string, e *snapshot.Entry) (source.File, disk.Meta, error) {
	d.change(name)
	return d.Dir.Open(name, e)
}

// Of several names of a file the first that is read stands for all, but not for those that
// still are what they were when it has become another file, or none.
func TestANameOfAFileIsNotGivenTheContentOfAnother(t *testing.T) {
	for _, size := range []int{100, 3 << 20, largeFile + 1} {
		for how, change := range map[string]func(first, other string) error{
			"replaced": func(first, other string) error { return os.Rename(other, first) },
			"removed":  func(first, _ string) error { return os.Remove(first) },
		} {
			t.Run(fmt.Sprintf("%s, %d bytes", how, size), func(t *testing.T) {
				dir, beside := t.TempDir(), filepath.Join(t.TempDir(), "other")
				old, other := bytes.Repeat([]byte("old "), size/4), bytes.Repeat([]byte("other "), size/6)
				names := []string{"a", "b", "c"}
				for i, name := range names {
					var err error
					if i == 0 {
						err = os.WriteFile(filepath.Join(dir, name), old, 0o600)
					} else {
						err = os.Link(filepath.Join(dir, "a"), filepath.Join(dir, name))
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if err := os.WriteFile(beside, other, 0o600); err != nil {
					t.Fatal(err)
				}
				var once sync.Once
				src := &source.Source{Paths: []string{dir}, Layout: snapshot.Tree, Open: func() (source.Dir, error) {
					d, err := source.OpenDisk(dir)
					return changing{d, func(name string) {
						once.Do(func() {
							if err := change(filepath.Join(dir, name), beside); err != nil {
								t.Error(err)
							}
						})
					}}, err
				}}
				k := &taken{sink: &memorySink{chunks: map[chunk.ID][]byte{}}}
				var err error
				if k.Result, err = Run(t.Context(), src, Options{Sink: k.sink, Loader: k.sink, Params: chainParams, Workers: 2}); err != nil {
					t.Fatal(err)
				}
				var got []string
				for e, err := range snapshot.ReadDir(t.Context(), k.sink, k.Root.Subtree) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, e.Name)
					want := old
					if e.Name == "a" {
						want = other
					}
					if _, data := k.file(t, e.Name); data != string(want) {
						t.Errorf("%s has %d bytes, %.20q; want %d, %.20q", e.Name, len(data), data, len(want), want)
					}
				}
				if how == "removed" {
					names = names[1:]
				}
				if !slices.Equal(got, names) {
					t.Errorf("there are %q, want %q", got, names)
				}
			})
		}
	}
}
