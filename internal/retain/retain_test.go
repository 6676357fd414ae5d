package retain_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/engine"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/retain"
	"github.com/qsnap/qsnap/internal/test/enginetest"
	"github.com/qsnap/qsnap/internal/test/fixture"
	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
	"github.com/qsnap/qsnap/target/targettest"
)

// A history is a repository with a version of a source for each hour.
type history struct {
	*engine.Engine
	t        *testing.T
	mem      *targettest.Memory
	clock    *fixture.Clock
	versions []*snapshot.Manifest
}

func newHistory(t *testing.T, versions int) *history {
	t.Helper()
	h := &history{t: t, mem: &targettest.Memory{}, clock: &fixture.Clock{}}
	h.Engine = enginetest.Create(t, h.mem, h.clock)
	for v := range versions {
		files := fstest.MapFS{"f": {Data: fmt.Append(nil, "version ", v), Mode: 0o644}}
		h.versions = append(h.versions, enginetest.Take(t, h.Engine, files))
		h.clock.Advance(time.Hour)
	}
	return h
}

// numbers returns the numbers of the snapshots that are there.
func (h *history) numbers() (out []uint64) {
	h.t.Helper()
	all, err := h.Catalog.Every(h.t.Context())
	if err != nil && !errors.Is(err, object.ErrHash) {
		h.t.Fatal(err)
	}
	for _, m := range all {
		out = append(out, m.Number)
	}
	return out
}

func (h *history) wants(when string, want ...uint64) {
	h.t.Helper()
	if got := h.numbers(); !slices.Equal(got, want) {
		h.t.Errorf("%s there are %d, want %d", when, got, want)
	}
}

func (h *history) ids(numbers ...int) (out []snapshot.ID) {
	for _, n := range numbers {
		out = append(out, h.versions[n-1].ID)
	}
	return out
}

func keepLast(n int) retain.Options { return retain.Options{Policy: retention.Policy{KeepLast: n}} }

func TestForgettingWhatIsPinnedForgetsNothing(t *testing.T) {
	h := newHistory(t, 3)
	if err := h.Catalog.Pin(t.Context(), h.versions[1].ID, h.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := retain.Forget(t.Context(), h.Engine, h.ids(1, 2)); !errors.Is(err, catalog.ErrPinned) {
		t.Errorf("with a pin: %v", err)
	}
	h.wants("with a pin", 1, 2, 3)
	h.clock.Advance(2 * time.Hour)
	if err := retain.Forget(t.Context(), h.Engine, h.ids(1, 2)); err != nil {
		t.Errorf("after the pin has ended: %v", err)
	}
	h.wants("after the pin has ended", 3)
}

func TestForgettingTwiceIsNoErrorAndAnUnknownIdIsOne(t *testing.T) {
	h := newHistory(t, 3)
	for range 2 {
		if err := retain.Forget(t.Context(), h.Engine, h.ids(1)); err != nil {
			t.Error(err)
		}
	}
	never := snapshot.ID{1}
	err := retain.Forget(t.Context(), h.Engine, append([]snapshot.ID{never}, h.ids(2)...))
	if !errors.Is(err, catalog.ErrNoSnapshot) || !strings.Contains(err.Error(), never.String()) {
		t.Errorf("an unknown id: %v", err)
	}
	h.wants("beside an unknown one the others are forgotten:", 3)
}

func TestAPolicyKeepsWhatItSaysAndWhatIsPinned(t *testing.T) {
	h := newHistory(t, 5)
	if err := h.Catalog.Pin(t.Context(), h.versions[0].ID, time.Time{}); err != nil {
		t.Fatal(err)
	}
	o := keepLast(2)
	o.DryRun = true
	for range 2 {
		groups, err := retain.Apply(t.Context(), h.Engine, o)
		if err != nil || len(groups) != 1 {
			t.Fatal(groups, err)
		}
		var kept []uint64
		for _, d := range groups[0].Decisions { // the newest first
			if d.Keep {
				kept = append(kept, d.Manifest.Number)
			}
		}
		if !slices.Equal(kept, []uint64{5, 4, 1}) {
			t.Errorf("dry %v: %d are kept", o.DryRun, kept)
		}
		if o.DryRun {
			h.wants("after a dry run", 1, 2, 3, 4, 5)
		}
		o.DryRun = false
	}
	h.wants("after it", 1, 4, 5)
}

func TestAPolicyThatKeepsNothingForgetsNothingUnlessAllowed(t *testing.T) {
	h := newHistory(t, 2)
	o := retain.Options{Policy: retention.Policy{KeepTags: []string{"none has it"}}}
	groups, err := retain.Apply(t.Context(), h.Engine, o)
	if !errors.Is(err, retain.ErrNoneKept) || !strings.Contains(err.Error(), "/x") || len(groups) != 1 {
		t.Errorf("%+v, %v", groups, err)
	}
	h.wants("after the error", 1, 2)
	o.AllowEmpty = true
	if _, err := retain.Apply(t.Context(), h.Engine, o); err != nil {
		t.Error(err)
	}
	h.wants("when it is allowed")
	if _, err := retain.Apply(t.Context(), h.Engine, retain.Options{}); err == nil {
		t.Error("a policy without a rule is no error")
	}
}

func TestAPolicyIsNotAppliedWhileAManifestCannotBeRead(t *testing.T) {
	h := newHistory(t, 3)
	name := object.Snapshots.Name(h.versions[2].ID)
	b := slices.Clone(h.mem.Objects()[name])
	b[len(b)/2] ^= 1
	h.mem.Set(name, b)
	h.Engine = enginetest.Open(t, h.mem, h.clock)
	if _, err := retain.Apply(t.Context(), h.Engine, keepLast(1)); !object.IsDamage(err) {
		t.Errorf("with a damaged manifest: %v", err)
	}
	h.wants("beside a damaged one", 1, 2)
}

func TestAForgottenSnapshotComesBackUnderAnotherId(t *testing.T) {
	h := newHistory(t, 2)
	if err := h.Catalog.Tag(t.Context(), h.versions[0].ID, []string{"later"}); err != nil {
		t.Fatal(err)
	}
	if err := retain.Forget(t.Context(), h.Engine, h.ids(1)); err != nil {
		t.Fatal(err)
	}
	gone, err := retain.Forgotten(t.Context(), h.Engine)
	if err != nil || len(gone) != 1 || gone[0].ID != h.versions[0].ID || !slices.Equal(gone[0].Tags, []string{"later"}) {
		t.Fatalf("forgotten: %+v, %v", gone, err)
	}
	back, err := retain.Undelete(t.Context(), h.Engine, gone[0].ID)
	if err != nil || back.ID == gone[0].ID || back.Original != gone[0].ID || back.Number != 1 || !slices.Equal(back.Tags, []string{"later"}) {
		t.Fatalf("%+v, %v", back, err)
	}
	h.wants("with the one that is back", 1, 2)
	if gone, err := retain.Forgotten(t.Context(), h.Engine); err != nil || len(gone) != 0 {
		t.Errorf("it can be brought back twice: %+v, %v", gone, err)
	}
	if _, err := retain.Undelete(t.Context(), h.Engine, h.versions[1].ID); !errors.Is(err, catalog.ErrNoSnapshot) {
		t.Errorf("one that was not forgotten: %v", err)
	}
}

func TestASnapshotWhosePacksAreGoneCannotBeBroughtBack(t *testing.T) {
	h := newHistory(t, 1)
	if err := retain.Forget(t.Context(), h.Engine, h.ids(1)); err != nil {
		t.Fatal(err)
	}
	for name := range h.mem.Objects() {
		if object.Packs.Has(name) || object.Deltas.Has(name) {
			h.mem.Set(name, nil)
		}
	}
	h.Engine = enginetest.Open(t, h.mem, h.clock)
	if gone, err := retain.Forgotten(t.Context(), h.Engine); err != nil || len(gone) != 0 {
		t.Errorf("%+v, %v", gone, err)
	}
	if _, err := retain.Undelete(t.Context(), h.Engine, h.versions[0].ID); err == nil {
		t.Error("it is brought back")
	}
	h.wants("without packs")
}
