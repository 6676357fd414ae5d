package take_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/take"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target/targettest"
)

func TestADifferentialSnapshotReadsWhatHasChangedSinceTheLastFullOne(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	newer := &fstest.MapFile{Mode: 0o644, ModTime: file("").ModTime.Add(time.Minute)}
	files := fstest.MapFS{"a": file("1"), "b": file("22"), "newer": newer}
	src := take.FS(files, "/x")

	full := run(t, e, clock, src, take.Options{Level: snapshot.LevelFull})
	files["a"] = file("333")
	run(t, e, clock, src, take.Options{})
	diff := run(t, e, clock, src, take.Options{Level: snapshot.LevelDifferential})
	if diff.Level != snapshot.LevelDifferential || diff.Parent != full.ID || diff.Number != 3 {
		t.Errorf("level %v, parent %v, number %d", diff.Level, diff.Parent, diff.Number)
	}
	if diff.Stats.BytesRead != 3 || diff.Stats.ChangedFiles != 1 || diff.Stats.DataAdded != 0 {
		t.Errorf("%+v", diff.Stats)
	}
	again := run(t, e, clock, src, take.Options{Level: snapshot.LevelDifferential})
	if again.Parent != full.ID || again.Stats.BytesRead != 3 {
		t.Errorf("the next one reads %d bytes, and its parent is %v", again.Stats.BytesRead, again.Parent)
	}
	if m := run(t, e, clock, src, take.Options{}); m.Parent != again.ID || m.Level != snapshot.LevelIncremental || m.Stats.BytesRead != 0 {
		t.Errorf("an incremental one after it: parent %v, level %v, %d bytes", m.Parent, m.Level, m.Stats.BytesRead)
	}
	if m := run(t, e, clock, src, take.Options{Level: snapshot.LevelFull}); !m.Parent.IsZero() || m.Level != snapshot.LevelFull || m.Stats.BytesRead != 5 {
		t.Errorf("a full one after it: parent %v, level %v, %d bytes", m.Parent, m.Level, m.Stats.BytesRead)
	}
}

func TestADifferentialSnapshotWithoutAFullOneIsFullAndSaysSo(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	src := take.FS(fstest.MapFS{"a": file("1")}, "/x")
	run(t, e, clock, src, take.Options{})
	said, _ := notices(t, e, src, take.Options{Level: snapshot.LevelDifferential})
	if len(said) != 1 || !strings.Contains(said[0], "no full snapshot") {
		t.Errorf("notices are %q", said)
	}
	m := run(t, e, clock, src, take.Options{Level: snapshot.LevelDifferential})
	if m.Level != snapshot.LevelDifferential || m.Number != 3 {
		t.Errorf("the next one has level %v and number %d", m.Level, m.Number)
	}
}

func TestLevelsThatContradictOtherOptionsAreRefused(t *testing.T) {
	clock := &fixture.Clock{}
	e := enginetest.Create(t, &targettest.Memory{}, clock)
	src := take.FS(fstest.MapFS{"a": file("1")}, "/x")
	parent := run(t, e, clock, src, take.Options{})
	for want, o := range map[string]take.Options{
		"unknown level":           {Level: "monthly"},
		"a full snapshot is":      {Level: snapshot.LevelFull, Parent: parent},
		"a differential snapshot": {Level: snapshot.LevelDifferential, Parent: parent},
		"doesn't read all":        {Level: snapshot.LevelDifferential, ReadAll: true},
	} {
		if m, err := take.Run(t.Context(), e, src, o); m != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, %v: want an error with %q", m, err, want)
		}
	}
}
