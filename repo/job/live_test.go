//go:build unix

package job

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// live returns the states of the checks of a profile, and the messages, by name.
func (s *site) live(o Options) (states map[string]report.LiveState, texts map[string]string, err error) {
	states, texts = map[string]report.LiveState{}, map[string]string{}
	err = CheckLive(s.t.Context(), o, func(l report.LiveCheck) { states[l.Name], texts[l.Name] = l.State, l.Message })
	return states, texts, err
}

func TestAProfileIsTriedBeforeItGoesLive(t *testing.T) {
	s := newSite(t, true)
	s.makeRepo("copy")
	o := s.options("replicas: [ROOT/replica]\ncopies: [{repo: ROOT/copy, key-file: ROOT/key}]\n" + noted)
	states, texts, err := s.live(o)
	if err != nil {
		t.Fatal(err, texts)
	}
	for name, state := range states {
		if want := map[string]report.LiveState{"key": report.LiveWarning}[name]; state != want && (want != "" || state != report.LiveOK) {
			t.Errorf("%s: %s: %s", name, state, texts[name])
		}
	}
	if len(states) != 10 || !strings.Contains(texts["trial"], "1 file with 5 B were stored, restored and compared") || !strings.Contains(texts["room"], "the sources have 5 B") {
		t.Errorf("%v", texts)
	}
	if len(s.versions("repo")) != 0 || len(s.history()) != 0 || s.read("log") != "" {
		t.Error("the trial has left a version or a record, or has run hooks")
	}
	if _, err := os.Stat(s.path("replica")); err == nil {
		t.Error("the check has made a replica")
	}
	r, err := repoID(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := (Host{State: s.path("state"), Getenv: s.getenv}).KeyExported(r); err != nil {
		t.Fatal(err)
	}
	if states, texts, err := s.live(o); err != nil || states["key"] != report.LiveOK {
		t.Errorf("%v, %v", texts["key"], err)
	}
}

func repoID(s *site) (id string, err error) {
	err = within(s.t.Context(), s.options(""), func(x *running) error { id = x.repo.ID(); return nil })
	return id, err
}

func TestWhatWouldNotWorkIsOneLineEach(t *testing.T) {
	s := newSite(t, false)
	s.write("empty/x", "")
	if err := os.Remove(s.path("empty/x")); err != nil {
		t.Fatal(err)
	}
	states, texts, err := s.live(s.options("sources: [ROOT/none, ROOT/empty]\nhooks: {before: [[ROOT/no-hook]]}\n"))
	if !errors.Is(err, repo.ErrNoRepository) || states["sources"] != report.LiveFailed || states["hooks"] != report.LiveFailed || states["repository"] != report.LiveFailed || states["trial"] != report.LiveSkipped {
		t.Errorf("%v, %v", texts, err)
	}
	if strings.Contains(texts["repository"], "\n") || !strings.Contains(texts["hooks"], "no-hook") || !strings.Contains(texts["sources"], "none") {
		t.Errorf("%v", texts)
	}
	states, texts, err = s.live(s.options("sources: [ROOT/empty]"))
	if states["sources"] != report.LiveWarning || !strings.Contains(texts["sources"], "is empty") {
		t.Errorf("%v, %v", texts, err)
	}
}

func TestARestoredSampleThatDiffersIsFound(t *testing.T) {
	s := newSite(t, true)
	o := s.options("")
	s.run(o, 0)
	m := s.versions("repo")[0]
	m.Paths, m.Kind = []string{s.path("src")}, snapshot.KindTrial
	if err := os.Chtimes(s.path("src/a"), m.Start.AddDate(0, 0, -1), m.Start.AddDate(0, 0, -1)); err != nil {
		t.Fatal(err)
	}
	s.write("out/a", "other")
	if _, _, err := compareSample(m, []string{s.path("src/a")}, s.path("out")); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("%v", err)
	}
	s.write("out/a", "first")
	if same, _, err := compareSample(m, []string{s.path("src/a")}, s.path("out")); err != nil || same != 1 {
		t.Errorf("%d, %v", same, err)
	}
	s.write("src/a", "newer")
	if err := os.Chtimes(s.path("src/a"), m.Start.AddDate(0, 0, 1), m.Start.AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if _, changed, err := compareSample(m, []string{s.path("src/a")}, s.path("out")); err != nil || changed != 1 {
		t.Errorf("%d, %v", changed, err)
	}
}
