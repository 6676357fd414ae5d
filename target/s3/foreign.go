package s3

import (
	"context"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/qsnap/qsnap/target"
)

// maxForeignKeys is how many keys Foreign examines: one page of a listing.
const maxForeignKeys = 1000

// Foreign implements target.ForeignFinder.
func (t *Target) Foreign(ctx context.Context) (string, error) {
	ctx, cancel := context.WithCancel(ctx) // ends the listing
	defer cancel()
	ctx, n := withNote(ctx)
	left := maxForeignKeys
	for o := range t.core.ListObjectsIter(ctx, t.o.Bucket, minio.ListObjectsOptions{Prefix: t.prefix, Recursive: true, FetchOwner: new(bool)}) {
		if o.Err != nil || ctx.Err() != nil {
			return "", t.fail(ctx, "list", "", n, o.Err)
		}
		name := strings.TrimPrefix(o.Key, t.prefix)
		top, _, _ := strings.Cut(name, "/")
		ours := strings.HasSuffix(name, "/") && o.Size == 0 || target.ValidName(name) == nil // a console's folder, or an object
		if !ours && !target.IsSystemFile(top) && !target.IsSystemFile(path.Base(name)) {
			return name, nil
		}
		if left--; left == 0 {
			break
		}
	}
	return "", nil
}
