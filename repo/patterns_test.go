package repo_test

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/snapshot"
)

func TestASnapshotRecordsTheRulesItWasMadeWith(t *testing.T) {
	f := newFixture(t)
	rules, err := repo.ParseRules(strings.NewReader("*.o\n\n!keep.o\r\n"), "ex.txt")
	if err != nil {
		t.Fatal(err)
	}
	m := f.snapshot(repo.FromFS(fstest.MapFS{"a.o": {}}, "/src"), repo.SnapshotOptions{
		Exclude: []string{"a ", "/cache/"}, ExcludeRules: rules,
		IgnoreFiles: []string{".gitignore"}, OneFileSystem: true, SkipCaches: true, MaxFileSize: new(int64(5)),
	})
	stored, err := f.Latest(t.Context(), repo.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	want := &snapshot.Rules{
		Patterns:      []snapshot.Pattern{{Source: "ex.txt:1", Text: "*.o"}, {Source: "ex.txt:3", Text: "!keep.o"}, {Source: "--exclude", Text: "a "}, {Source: "--exclude", Text: "/cache/"}},
		IgnoreFiles:   []string{".gitignore"},
		OneFileSystem: true, SkipCaches: true, MaxFileSize: 5,
	}
	for _, got := range []*snapshot.Rules{m.Rules, stored.Rules} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
