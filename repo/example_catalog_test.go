package repo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// exampleVersions returns a repository in memory with three versions of a source.
func exampleVersions(ctx context.Context) *repo.Repo {
	r := exampleRepo(ctx)
	for v := range 2 {
		files := fstest.MapFS{"readme.txt": {Data: []byte(strings.Repeat("hello again\n", v+1))}}
		_, err := r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{Tags: []string{"hourly"}})
		check(err)
	}
	return r
}

// exampleAlike returns a repository with two snapshots whose ids begin with the same digit,
// and that digit: among 17 there are two.
func exampleAlike(ctx context.Context) (r *repo.Repo, digit string) {
	r = exampleRepo(ctx)
	seen := map[string]bool{}
	for {
		m, err := r.Snapshot(ctx, repo.FromFS(fstest.MapFS{}, "/srv/app"), repo.SnapshotOptions{AllowEmptySource: true})
		check(err)
		digit = m.ID.String()[:1]
		if seen[digit] {
			return r, digit
		}
		seen[digit] = true
	}
}

func ExampleRepo_Snapshots() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	versions, err := r.Snapshots(ctx, repo.Filter{Tags: []string{"hourly"}})
	check(err)
	for _, m := range versions {
		fmt.Println(m.Number, m.Paths, m.Stats.Files)
	}
	// Output: 1 [/srv/app] 2
}

func ExampleRepo_Latest() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{Paths: []string{"/srv/app"}})
	check(err)
	fmt.Println(m.Number)
	_, err = r.Latest(ctx, repo.Filter{Until: time.Now().Add(-time.Hour)})
	fmt.Println(errors.Is(err, repo.ErrNoSnapshot))
	// Output:
	// 3
	// true
}

func ExampleRepo_Find() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	versions, err := r.Snapshots(ctx, repo.Filter{})
	check(err)
	m, err := r.Find(ctx, versions[0].ID.Short())
	check(err)
	same, err := r.Get(ctx, m.ID)
	check(err)
	fmt.Println(same.Paths, same.Tags)
	// Output: [/srv/app] [hourly]
}

// A typed prefix may be the beginning of several ids.
func ExampleAmbiguousError() {
	ctx := context.Background()
	r, prefix := exampleAlike(ctx)
	defer r.Close()
	_, err := r.Find(ctx, prefix)
	if several, ok := errors.AsType[*repo.AmbiguousError](err); ok {
		fmt.Println("several begin with it:", len(several.Candidates) > 1)
	}
	// Output: several begin with it: true
}

func ExampleRepo_Get() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	text := m.ID.String() // as a database keeps it

	id, err := snapshot.ParseID(text)
	check(err)
	m, err = r.Get(ctx, id)
	check(err)
	fmt.Println(m.Paths)
	// Output: [/srv/app]
}

func ExampleFilter() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	newest, err := r.Snapshots(ctx, repo.Filter{
		Paths: []string{"/srv/app/src"}, // of this, or of a directory that it is in
		Tags:  []string{"hourly"},
		Until: time.Now(),
		Last:  2,
	})
	check(err)
	for _, m := range newest { // the oldest first
		fmt.Println(m.Number)
	}
	// Output:
	// 2
	// 3
}

func ExampleRepo_Retain() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	groups, err := r.Retain(ctx, repo.RetainOptions{Policy: retention.Policy{KeepLast: 2}})
	check(err)
	for _, d := range groups[0].Decisions { // the newest first
		fmt.Println(d.Manifest.Number, d.Keep)
	}
	_, err = r.Prune(ctx, repo.PruneOptions{}) // deletes what only the forgotten one held
	check(err)
	// Output:
	// 3 true
	// 2 true
	// 1 false
}

func ExampleRepo_Forget() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	check(r.Forget(ctx, []snapshot.ID{m.ID}))
	back, err := r.Catalog().Undelete(ctx, m.ID)
	check(err)
	fmt.Println(back.Number, back.Original == m.ID)
	// Output: 3 true
}

func ExampleCatalog_Pin() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	check(r.Catalog().Pin(ctx, m.ID, time.Time{}))
	err = r.Forget(ctx, []snapshot.ID{m.ID})
	fmt.Println(errors.Is(err, repo.ErrPinned))
	// Output: true
}

func ExampleCatalog_Unpin() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	check(r.Catalog().Pin(ctx, m.ID, time.Now().AddDate(1, 0, 0)))
	check(r.Catalog().Unpin(ctx, m.ID))
	check(r.Forget(ctx, []snapshot.ID{m.ID}))
	_, err = r.Get(ctx, m.ID)
	fmt.Println(errors.Is(err, repo.ErrNoSnapshot))
	// Output: true
}

func ExampleCatalog_Undelete() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	check(r.Forget(ctx, []snapshot.ID{m.ID}))

	forgotten, err := r.Catalog().Forgotten(ctx)
	check(err)
	for _, m := range forgotten {
		back, err := r.Catalog().Undelete(ctx, m.ID)
		check(err)
		fmt.Println(back.Number, "is back under another id:", back.ID != m.ID)
	}
	// Output: 3 is back under another id: true
}

func ExampleCatalog_WasForgotten() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	check(r.Forget(ctx, []snapshot.ID{m.ID}))

	_, err = r.Find(ctx, m.ID.Short())
	if errors.Is(err, repo.ErrNoSnapshot) {
		was, err := r.Catalog().WasForgotten(ctx, m.ID.Short())
		check(err)
		fmt.Println("it was forgotten:", was)
	}
	// Output: it was forgotten: true
}

func ExampleCatalog_Tag() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	m, err := r.Latest(ctx, repo.Filter{})
	check(err)
	check(r.Catalog().Tag(ctx, m.ID, append(m.Tags, "before the upgrade")))
	tagged, err := r.Snapshots(ctx, repo.Filter{Tags: []string{"before the upgrade"}})
	check(err)
	fmt.Println(len(tagged), tagged[0].Number)
	// Output: 1 3
}

func ExampleCatalog_Sources() {
	ctx := context.Background()
	r := exampleVersions(ctx)
	defer r.Close()
	sources, err := r.Catalog().Sources(ctx, repo.Filter{})
	check(err)
	for _, s := range sources {
		fmt.Println(s.Paths, s.Versions, s.Newest.Number)
	}
	// Output: [/srv/app] 3 3
}

func ExampleCatalog_Growth() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	files := fstest.MapFS{"readme.txt": {Data: []byte("hello again\n")}, "src/main.go": {Data: []byte("package main\n")}}
	_, err := r.Snapshot(ctx, repo.FromFS(files, "/srv/app"), repo.SnapshotOptions{})
	check(err)
	growth, err := r.Catalog().Growth(ctx, repo.Filter{})
	check(err)
	for _, g := range growth {
		fmt.Println(g.Snapshot.Number, g.New.ChunkBytes, g.Total.ChunkBytes, g.Only.ChunkBytes)
	}
	// Output:
	// 1 19 19 6
	// 2 12 31 12
}

func ExampleRepo_Stats() {
	ctx := context.Background()
	r := exampleRepo(ctx)
	defer r.Close()
	s, err := r.Stats(ctx)
	check(err)
	fmt.Println(s.Snapshots, s.Files, s.Chunks, s.ChunkBytes)
	// Output: 1 2 2 19
}
