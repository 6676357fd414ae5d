package take_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/capture"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/place"
	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/internal/view"
	"github.com/qsnap/qsnap/internal/write"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

func file(text string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(text), Mode: 0o644, ModTime: time.Unix(1e9, 0)}
}

// run takes a snapshot that must succeed, a minute after the last one.
func run(t *testing.T, e *engine.Engine, clock *fixture.Clock, src take.Source, o take.Options) *snapshot.Manifest {
	t.Helper()
	clock.Advance(time.Minute)
	m, err := take.Run(t.Context(), e, src, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAnUnchangedFileIsNotReadAgain(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	// A stamp is trusted once a newer one was seen.
	newer := &fstest.MapFile{Mode: 0o644, ModTime: time.Unix(1e9+60, 0)}
	src := take.FS(fstest.MapFS{"a": file("123"), "b": file("12"), "newer": newer}, "/x")
	first := run(t, e, clock, src, take.Options{})
	second := run(t, e, clock, src, take.Options{})
	if first.Stats.BytesRead != 5 || second.Stats.BytesRead != 0 || second.Stats.SameFiles != 3 {
		t.Errorf("%d bytes are read, then %d", first.Stats.BytesRead, second.Stats.BytesRead)
	}
	if second.Parent != first.ID || second.Previous != first.ID || second.Number != 2 {
		t.Errorf("parent %v, previous %v, number %d", second.Parent, second.Previous, second.Number)
	}
	all := run(t, e, clock, src, take.Options{ReadAll: true})
	if all.Stats.BytesRead != 5 || !all.Parent.IsZero() || all.Previous != second.ID || all.Number != 3 {
		t.Errorf("reading all: %d bytes, parent %v, number %d", all.Stats.BytesRead, all.Parent, all.Number)
	}
	chosen := run(t, e, clock, src, take.Options{Parent: first})
	if chosen.Parent != first.ID || chosen.Previous != all.ID {
		t.Errorf("the chosen parent is %v, not %v", chosen.Parent, first.ID)
	}
}

func TestSourcesOfOtherHostsAndPathsAreNoParents(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	files := fstest.MapFS{"a": file("123")}
	run(t, e, clock, take.FS(files, "/x"), take.Options{Hostname: "web1"})
	for _, m := range []*snapshot.Manifest{
		run(t, e, clock, take.FS(files, "/x"), take.Options{}),
		run(t, e, clock, take.FS(files, "/y"), take.Options{Hostname: "web1"}),
	} {
		if !m.Parent.IsZero() || m.Number != 1 {
			t.Errorf("%s:%s has parent %v and number %d", m.Hostname, m.Paths, m.Parent, m.Number)
		}
	}
}

func TestTheManifestSaysHowItWasTaken(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	limit := int64(9)
	excludes, err := place.Parse([]string{"*.o"}, "file:1")
	if err != nil {
		t.Fatal(err)
	}
	m := run(t, e, clock, take.FS(fstest.MapFS{"a": file("123"), "a.o": file("1"), "big": file("1234567890"), "b.log": file("1")}, "/x"), take.Options{
		Program: "qsnap test", Tags: []string{"b", "a", "b"}, Excludes: []string{"*.log"}, ExcludeRules: excludes,
		IgnoreFiles: []string{".gitignore"}, MaxFileSize: &limit,
	})
	if m.Program != "qsnap test" || m.Hostname != "host" || !slices.Equal(m.Tags, []string{"a", "b"}) || m.Stats.Files != 1 {
		t.Errorf("%+v", m)
	}
	var written []string
	for _, p := range m.Rules.Patterns {
		written = append(written, p.Source+" "+p.Text)
	}
	if fmt.Sprint(written, m.Rules.IgnoreFiles, m.Rules.MaxFileSize) != "[file:1 *.o --exclude *.log] [.gitignore] 9" {
		t.Errorf("rules are %q %+v", written, m.Rules)
	}
}

func TestOptionsThatCannotBeMeantAreRefused(t *testing.T) {
	clock := &fixture.Clock{}
	mem := &targettest.Memory{}
	e := enginetest.Create(t, mem, clock)
	before := len(mem.Objects())
	zero := int64(0)
	for want, o := range map[string]take.Options{
		"a tag is empty": {Tags: []string{"a", ""}}, "limit of file sizes": {MaxFileSize: &zero}, "./a": {Excludes: []string{"./a"}},
	} {
		m, err := take.Run(t.Context(), e, take.FS(fstest.MapFS{"a": file("1")}, "/x"), o)
		if m != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v: want an error with %q", m, err, want)
		}
	}
	if after := len(mem.Objects()); after != before {
		t.Errorf("%d objects are stored", after-before)
	}
}

func TestADryRunStoresNothingAndSaysWhatItCosts(t *testing.T) {
	clock := &fixture.Clock{}
	mem := &targettest.Memory{}
	e := enginetest.Create(t, mem, clock)
	before := mem.Objects()
	src := take.FS(fstest.MapFS{"a": file("123")}, "/x")
	var cost outcome.Cost
	dry := run(t, e, clock, src, take.Options{DryRun: &cost})
	if !maps.EqualFunc(before, mem.Objects(), slices.Equal) {
		t.Error("the dry run has changed the target")
	}
	m := run(t, e, clock, src, take.Options{})
	if dry.Root.Subtree != m.Root.Subtree || !dry.ID.IsZero() || cost.Requests == 0 || cost.BytesUp == 0 {
		t.Errorf("the dry run's manifest is %+v, its cost %+v", dry, cost)
	}
}

// lose deletes all packs, so that nothing that a snapshot stored before is there.
func lose(t *testing.T, mem *targettest.Memory) {
	t.Helper()
	for name := range mem.Objects() {
		if strings.HasPrefix(name, "packs/") {
			if err := mem.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// content returns what a file of a snapshot holds, read with an empty cache.
func content(t *testing.T, e *engine.Engine, m *snapshot.Manifest, path string) (string, error) {
	t.Helper()
	entry, err := view.Entry(t.Context(), e.Blobs, m, path)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = view.WriteTo(t.Context(), e.Blobs, &out, entry)
	return out.String(), err
}

// What a snapshot reuses must be there when it is published. If it was deleted, the source
// is captured again. A stream can't be, so its snapshot fails.
func TestDataThatIsGoneIsCapturedAgain(t *testing.T) {
	clock := &fixture.Clock{}
	mem := &targettest.Memory{}
	e := enginetest.Create(t, mem, clock)
	src := take.FS(fstest.MapFS{"a": file("123")}, "/x")
	run(t, e, clock, src, take.Options{})
	lose(t, mem)
	m := run(t, e, clock, src, take.Options{})
	if got, err := content(t, enginetest.Open(t, mem, clock), m, "a"); got != "123" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	lose(t, mem)
	if m, err := take.Run(t.Context(), e, take.Stream("a", strings.NewReader("123")), take.Options{}); !errors.Is(err, write.ErrGone) || m != nil {
		t.Errorf("a stream: %v, %v", m, err)
	}
}

func TestAnEmptyStreamIsASnapshotOnlyIfThatIsAllowed(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	if m, err := take.Run(t.Context(), e, take.Stream("a", strings.NewReader("")), take.Options{}); !errors.Is(err, capture.ErrEmptySource) || m != nil {
		t.Errorf("%v, %v", m, err)
	}
	if m := run(t, e, clock, take.Stream("a", strings.NewReader("")), take.Options{AllowEmptySource: true}); m.Stats.Files != 1 {
		t.Errorf("%d files", m.Stats.Files)
	}
	broken := errors.New("broken")
	if m, err := take.Run(t.Context(), e, take.Stream("a", io.MultiReader(strings.NewReader("1"), failing{broken})), take.Options{}); !errors.Is(err, broken) || m != nil {
		t.Errorf("a broken stream: %v, %v", m, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// tree makes files below a new directory, and returns it.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		p := filepath.Join(top, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// A source that is empty although it had files is missing each time, not only the first.
func TestASourceThatBecameEmptyStaysMissing(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	top := tree(t, "a/1", "b/2")
	a, b := filepath.Join(top, "a"), filepath.Join(top, "b")
	run(t, e, clock, take.Paths(a, b), take.Options{})
	if err := os.Remove(filepath.Join(a, "1")); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		clock.Advance(time.Minute)
		m, err := take.Run(t.Context(), e, take.Paths(a, b), take.Options{})
		incomplete, ok := errors.AsType[*outcome.IncompleteError](err)
		if !ok || len(incomplete.Missing) != 1 || incomplete.Missing[0].Path != a || m == nil || m.Good() {
			t.Fatalf("run %d: %v", n, err)
		}
	}
	if m, err := take.Run(t.Context(), e, take.Paths(a), take.Options{}); m != nil || !errors.Is(err, capture.ErrEmptySource) {
		t.Errorf("alone: %v, %v", m, err)
	}
	run(t, e, clock, take.Paths(a, b), take.Options{AllowEmptySource: true})
	run(t, e, clock, take.Paths(a, b), take.Options{}) // it was empty before
}

// notices returns the remarks on a snapshot, and the patterns that matched nothing.
func notices(t *testing.T, e *engine.Engine, src take.Source, o take.Options) (notices, unmatched []string) {
	t.Helper()
	finished := 0
	o.Progress = func(p take.Progress) {
		if p.Notice != nil {
			notices = append(notices, p.Notice.Error())
		}
		if p.Finished {
			unmatched = p.Unmatched
			finished++
		}
	}
	if _, err := take.Run(t.Context(), e, src, o); err != nil || finished != 1 {
		t.Fatalf("finished %d times, %v", finished, err)
	}
	return notices, unmatched
}

func TestANamedPathIsTakenAlthoughAPatternMatches(t *testing.T) {
	e := enginetest.Create(t, &targettest.Memory{}, &fixture.Clock{})
	top := tree(t, "a.log", "b")
	said, unmatched := notices(t, e, take.Paths(filepath.Join(top, "a.log"), filepath.Join(top, "b")), take.Options{Excludes: []string{"*.log", "none"}})
	if len(said) != 1 || !strings.HasPrefix(said[0], filepath.Join(top, "a.log")+" was named, so it is taken") {
		t.Errorf("notices are %q", said)
	}
	if !slices.Equal(unmatched, []string{`--exclude "none"`}) {
		t.Errorf("unmatched are %q", unmatched)
	}
}

func TestAWholePathInAnIgnoreFileIsNoticed(t *testing.T) {
	e := enginetest.Create(t, &targettest.Memory{}, &fixture.Clock{})
	top := tree(t, "d/cache/x", "d/y")
	if err := os.WriteFile(filepath.Join(top, "d", capture.OwnIgnoreFile), []byte(top+"/d/cache\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	said, _ := notices(t, e, take.Paths(top), take.Options{})
	if len(said) != 1 || !strings.HasSuffix(said[0], "relative to its directory; write /cache") {
		t.Errorf("notices are %q", said)
	}
}

func TestProgressCountsTheSourceAgainstItsParent(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	parent := run(t, e, clock, take.FS(fstest.MapFS{"a": file("1234567")}, "/x"), take.Options{})
	begun := clock.Now()
	var last take.Progress
	m := run(t, e, clock, take.FS(fstest.MapFS{"a": file("123")}, "/x"), take.Options{Progress: func(p take.Progress) { last = p }})
	want := outcome.Progress{Phase: "capture", Done: 3, Total: 7, Unit: "bytes"}
	if !last.Finished || last.Progress != want || last.Parent != parent && last.Parent.ID != parent.ID || last.Stats != m.Stats || !m.Start.Equal(begun.Add(time.Minute)) {
		t.Errorf("the last progress is %+v", last)
	}
}
