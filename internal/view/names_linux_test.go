package view_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestANameThatIsNotUTF8IsShownAndOpenedAsShown(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"caf\xe9": "latin", "café": "utf"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e := enginetest.Create(t, &targettest.Memory{}, &fixture.Clock{})
	m, err := take.Run(t.Context(), e, take.Paths(dir), take.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fsys := view.FS(t.Context(), e.Blobs, &m.Root)
	list, err := fs.ReadDir(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		b, err := fs.ReadFile(fsys, e.Name())
		if err != nil {
			t.Errorf("%q: %v", e.Name(), err)
		}
		got = append(got, e.Name()+" "+string(b))
	}
	if want := []string{"café utf", "caf\uFFFDe9 latin"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
