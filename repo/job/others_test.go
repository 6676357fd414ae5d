//go:build unix

package job

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo"
)

// others returns the warnings about other installations, and forgets all warnings.
func (s *site) others() []string {
	out := slices.DeleteFunc(s.warnings, func(w string) bool { return !strings.HasPrefix(w, "another installation") })
	s.warnings = nil
	return out
}

func TestAnotherInstallationIsNamedAtOnce(t *testing.T) {
	s := newSite(t, true)
	one := s.options("")
	cloned := one
	cloned.State = s.path("clone")
	s.run(one, 0)
	if w := s.others(); len(w) != 0 {
		t.Errorf("a first run: %q", w)
	}
	s.now = s.now.Add(time.Hour)
	s.run(cloned, 0)
	id := s.history()[0].Installation
	if w := s.others(); len(w) != 1 || !strings.Contains(w[0], id) || !strings.Contains(w[0], "qsnap profile adopt app --host web1") {
		t.Errorf("the first run of a clone: %q", w)
	}
	s.now = s.now.Add(time.Hour)
	s.run(cloned, 0)
	if w := s.others(); len(w) != 0 { // it may have replaced the other
		t.Errorf("its second run: %q", w)
	}
	s.now = s.now.Add(time.Hour)
	s.run(one, 0)
	if w := s.others(); len(w) != 1 { // it has not
		t.Errorf("the next run of the first one: %q", w)
	}
}

func TestAnInstallationTakesOverWhatALostOneHad(t *testing.T) {
	s := newSite(t, true)
	o := s.options("retention: {keep-last: 2, keep-extra: 0}\nschedule: {every: 1h}\n")
	for range 2 {
		s.run(o, 0)
		s.now = s.now.Add(time.Hour)
	}
	if err := os.RemoveAll(s.path("state")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.run(o, 0)
		s.now = s.now.Add(time.Hour)
	}
	if n := len(s.versions("repo")); n != 4 {
		t.Fatalf("%d versions", n)
	}
	adopt := func(o Options, from string) []repo.Adopted {
		t.Helper()
		adopted, err := Adopt(t.Context(), o, from)
		if err != nil {
			t.Fatal(err)
		}
		return adopted
	}
	dry := o
	dry.DryRun = true
	if got := adopt(dry, "web1"); len(got) != 2 || got[0].New != nil {
		t.Errorf("a dry run: %+v", got)
	}
	if got := adopt(o, "web1"); len(got) != 2 || got[0].Left != nil {
		t.Errorf("%+v", got)
	}
	s.run(o, 0)
	if n := len(s.versions("repo")); n != 2 {
		t.Errorf("%d versions after the next run", n)
	}
}

func TestAHostTakesOverAnothersVersionsOfTheProfile(t *testing.T) {
	s := newSite(t, true)
	old := s.options("")
	old.Profile.Host = "old"
	old.State = s.path("elsewhere")
	s.run(old, 0)
	s.now = s.now.Add(time.Hour)
	o := s.options("")
	s.run(o, 0)
	if got, err := Adopt(t.Context(), o, "old"); err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	all := s.versions("repo")
	if len(all) != 2 || all[0].Hostname != "web1" || all[0].Job.Installation != all[1].Job.Installation || all[0].Original.IsZero() || !all[1].Original.IsZero() {
		t.Errorf("%+v", all)
	}
	s.others()
	s.now = s.now.Add(time.Hour)
	s.run(o, 0)
	if w := s.others(); len(w) != 0 {
		t.Errorf("the next run: %q", w)
	}
}
