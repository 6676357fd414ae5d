package replica_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/internal/catalog"
	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/internal/outcome"
	"github.com/qsnap/qsnap/internal/replica"
	"github.com/qsnap/qsnap/snapshot"
)

// heal heals the pair, which has to succeed.
func (p *pair) heal(o replica.HealOptions) replica.HealReport {
	p.t.Helper()
	report, err := replica.Heal(p.t.Context(), p.e, p.there, o)
	if err != nil || !report.Complete || len(report.Lost) > 0 {
		p.t.Fatalf("%+v, %v", report, err)
	}
	return report
}

// originals returns which snapshots the repository has: of one that was brought back, the id
// that it had before.
func (p *pair) originals() (out []snapshot.ID) {
	p.t.Helper()
	all, damaged, err := p.e.Catalog.All(p.t.Context())
	if err != nil || damaged != nil {
		p.t.Fatal(err, damaged)
	}
	for _, m := range all {
		id := m.ID
		if m.Original != (snapshot.ID{}) {
			id = m.Original
		}
		out = append(out, id)
	}
	return out
}

// agree fails the test unless both hold the same, undamaged.
func (p *pair) agree() {
	p.t.Helper()
	if found := p.compare(replica.CompareOptions{ReadData: true}); len(found.Differences) > 0 {
		p.t.Errorf("differences: %v", found.Differences)
	}
}

func TestAHealedPackHasANewNameHereAndItsOldOneOnTheReplica(t *testing.T) {
	p, _, _ := copied(t)
	bad := slices.Sorted(slices.Values(names(p.here, "packs/")))
	here, there := bad[0], bad[1]
	flip(p.here, here, 40)
	flip(p.there, there, 40)
	report := p.heal(replica.HealOptions{ReadData: true})
	if report.Packs != 1 || report.Blobs == 0 || len(report.Compared.Differences) != 2 {
		t.Errorf("%+v", report)
	}
	if p.here.Objects()[here] != nil {
		t.Errorf("%s is back under its name", here)
	}
	if !bytes.Equal(p.there.Objects()[there], p.here.Objects()[there]) {
		t.Errorf("%s was not replaced on the replica", there)
	}
	p.agree()
}

func TestPacksThatNothingHereListsAreHealedIfASnapshotNeedsThem(t *testing.T) {
	p, first, second := copied(t)
	packs := names(p.here, "packs/")
	for _, name := range slices.Concat(packs, names(p.here, "index/")) {
		p.here.Set(name, nil)
	}
	if report := p.heal(replica.HealOptions{}); report.Packs != int64(len(packs)) {
		t.Errorf("%d packs of %d: %+v", report.Packs, len(packs), report)
	}
	for _, m := range []*snapshot.Manifest{first, second} {
		if _, err := p.e.Blobs.Tree(t.Context(), m.Root.Subtree); err != nil {
			t.Error(err)
		}
	}
	p.agree()
}

func TestADamagedSnapshotComesBackUnderAnotherID(t *testing.T) {
	p, first, second := copied(t)
	flip(p.here, object.Snapshots.Name(second.ID), 50)
	if report := p.heal(replica.HealOptions{ReadData: true}); report.Snapshots != 1 {
		t.Errorf("%+v", report)
	}
	if p.here.Objects()[object.Snapshots.Name(second.ID)] != nil {
		t.Error("the damaged manifest is still there")
	}
	if got := p.originals(); !slices.Equal(got, []snapshot.ID{first.ID, second.ID}) {
		t.Errorf("snapshots %v", got)
	}
	p.agree()
}

func TestASnapshotThatALaterOneFollowsWasLost(t *testing.T) {
	p, first, second := copied(t)
	p.here.Set(object.Snapshots.Name(first.ID), nil)
	p.heal(replica.HealOptions{})
	if got := p.originals(); !slices.Equal(got, []snapshot.ID{first.ID, second.ID}) {
		t.Errorf("snapshots %v", got)
	}
}

func TestTheNewestSnapshotComesBackOnlyIfAsked(t *testing.T) {
	p, first, second := copied(t)
	p.here.Set(object.Snapshots.Name(second.ID), nil)
	if report := p.heal(replica.HealOptions{}); !slices.Equal(report.Unexplained, []snapshot.ID{second.ID}) {
		t.Errorf("unexplained: %v", report.Unexplained)
	}
	if got := p.originals(); !slices.Equal(got, []snapshot.ID{first.ID}) {
		t.Errorf("snapshots %v", got)
	}
	p.heal(replica.HealOptions{Snapshots: true})
	if got := p.originals(); !slices.Equal(got, []snapshot.ID{first.ID, second.ID}) {
		t.Errorf("if asked: snapshots %v", got)
	}
}

func TestAForgottenSnapshotDoesNotComeBack(t *testing.T) {
	p, first, second := copied(t)
	if err := p.e.Catalog.Forget(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	p.heal(replica.HealOptions{Snapshots: true})
	if got := p.originals(); !slices.Equal(got, []snapshot.ID{second.ID}) {
		t.Errorf("snapshots %v", got)
	}
	p.agree()
}

// Nobody but a holder of the key can tell which of two marks is the right one.
func TestADamagedMarkIsReplacedOnWhicheverSide(t *testing.T) {
	for side := range 2 {
		p, first, _ := copied(t)
		if err := p.e.Catalog.Annotate(t.Context(), first.ID, func(m *catalog.Mark) { m.Pinned = true }); err != nil {
			t.Fatal(err)
		}
		p.replicate()
		mark := names(p.here, "marks/")[0]
		before := p.here.Objects()[mark]
		m := p.here
		if side == 1 {
			m = p.there
		}
		m.Set(mark, before[:len(before)-1])
		p.heal(replica.HealOptions{})
		if !bytes.Equal(p.here.Objects()[mark], before) || !bytes.Equal(p.there.Objects()[mark], before) {
			t.Errorf("side %d: the mark is not as it was", side)
		}
	}
}

func TestSuspectsAreRepairedWithoutWritingToTheReplica(t *testing.T) {
	p, _, _ := copied(t)
	bad := names(p.here, "packs/")
	flip(p.here, bad[0], 40)
	flip(p.here, bad[1], 40)
	before := p.there.Objects()
	if report := p.heal(replica.HealOptions{Suspects: bad[:1]}); report.Packs != 1 {
		t.Errorf("%+v", report)
	}
	if !maps.EqualFunc(before, p.there.Objects(), bytes.Equal) {
		t.Error("the replica was written to")
	}
	if p.here.Objects()[bad[0]] != nil || p.here.Objects()[bad[1]] == nil {
		t.Error("not just the suspect was replaced")
	}
}

func TestDamageOnBothSidesIsReportedAndLeftWhereItIs(t *testing.T) {
	p, _, _ := copied(t)
	bad := names(p.here, "packs/")[0]
	flip(p.here, bad, 40)
	flip(p.there, bad, 40)
	report, err := replica.Heal(t.Context(), p.e, p.there, replica.HealOptions{ReadData: true})
	if !errors.Is(err, outcome.ErrDamaged) || !report.Complete || !strings.Contains(errors.Join(report.Lost...).Error(), bad) {
		t.Errorf("%+v, %v", report, err)
	}
	if p.here.Objects()[bad] == nil {
		t.Error("the pack was deleted, though it may hold blobs that can be read")
	}
}
