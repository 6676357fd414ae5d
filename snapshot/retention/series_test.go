package retention

import (
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

func TestEachSeriesHasSlotsOfItsOwn(t *testing.T) {
	at := time.Date(2026, 3, 29, 14, 0, 0, 0, time.UTC)
	version := func(host, profile string, installation byte, slot time.Time) *snapshot.Manifest {
		m := &snapshot.Manifest{Hostname: host, End: at}
		m.Job.Profile, m.Job.Installation[0], m.Job.Slot = profile, installation, slot
		return m
	}
	one := version("web", "app", 1, at)
	for name, c := range map[string]struct {
		versions []*snapshot.Manifest
		want     int
	}{
		"none":                           {nil, 0},
		"two versions of one slot":       {[]*snapshot.Manifest{one, version("web", "app", 1, at)}, 1},
		"one slot in two zones":          {[]*snapshot.Manifest{one, version("web", "app", 1, at.In(time.FixedZone("", 3600)))}, 1},
		"two slots":                      {[]*snapshot.Manifest{one, version("web", "app", 1, at.Add(time.Hour))}, 2},
		"one slot of two installations":  {[]*snapshot.Manifest{one, version("web", "app", 2, at)}, 2},
		"one slot of two hosts":          {[]*snapshot.Manifest{one, version("db", "app", 1, at)}, 2},
		"one slot of two profiles":       {[]*snapshot.Manifest{one, version("web", "mail", 1, at)}, 2},
		"two without a slot at one time": {[]*snapshot.Manifest{one, version("web", "", 0, time.Time{}), version("web", "", 0, time.Time{})}, 3},
	} {
		if got := Slots(c.versions); got != c.want {
			t.Errorf("%s: %d slots, want %d", name, got, c.want)
		}
	}
}
