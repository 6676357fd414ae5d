package local

import (
	"context"
	"os"
	"path/filepath"

	"github.com/qsnap/qsnap/target"
)

// Foreign implements target.ForeignFinder.
func (t *Target) Foreign(ctx context.Context) (string, error) {
	return target.FindForeign(ctx, tmpDir, func(dir string) (out []target.DirEntry, err error) {
		entries, err := os.ReadDir(filepath.Join(t.dir, filepath.FromSlash(dir)))
		for _, e := range entries {
			out = append(out, target.DirEntry{Name: e.Name(), Type: e.Type()})
		}
		return out, err
	})
}
