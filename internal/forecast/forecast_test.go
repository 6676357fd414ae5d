package forecast_test

import (
	"math"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/forecast"
	"github.com/qsnap/qsnap/snapshot"
)

const month = 30 * 24 * time.Hour

// hourly returns versions of a source, one an hour, the first of 1,000,000 bytes. Each later
// one reads 10,000 bytes, of which half are new, stores 2,000 and takes 6 s; the source
// grows by 1,000 bytes.
func hourly(n int) (versions []*snapshot.Manifest) {
	for i := range n {
		start := time.Unix(1e9, 0).Add(time.Duration(i) * time.Hour)
		m := &snapshot.Manifest{
			Number: uint64(i + 1), Hostname: "web1", Paths: []string{"/srv"}, Start: start, End: start.Add(6 * time.Second),
			Stats: snapshot.Stats{Bytes: 1_000_000 + 1000*uint64(i), BytesRead: 10_000, DataAdded: 4000, TreeAdded: 1000, DataStored: 1500, TreeStored: 400, IndexStored: 100},
		}
		if i == 0 {
			m.End = start.Add(100 * time.Second)
			m.Stats.BytesRead, m.Stats.DataAdded, m.Stats.DataStored = 1_000_000, 1_000_000, 400_000
		}
		versions = append(versions, m)
	}
	return versions
}

func TestTheNextRunNeedsWhatTheLastOnesDid(t *testing.T) {
	versions := hourly(21)
	versions[20].Stats.DataStored, versions[20].End = 90_000, versions[20].Start.Add(time.Hour) // an unusual one
	incomplete := *versions[5]
	incomplete.Missing = []snapshot.Missing{{Path: "/srv"}}
	versions[5] = &incomplete

	f := forecast.Make(forecast.Past{Versions: versions}, forecast.Future{})
	want := forecast.Need{Runs: 1, Read: 10_000, New: 5000, Stored: 2000, Time: 6 * time.Second}
	if f.Next != want || f.Most != want || !f.Known || f.Exact || f.From != 19 || f.Spanned {
		t.Errorf("%+v", f)
	}
}

func TestADryRunSaysWhatTheNextRunNeeds(t *testing.T) {
	next := hourly(1)[0]
	f := forecast.Make(forecast.Past{Next: next, Level: snapshot.LevelIncremental}, forecast.Future{Runs: map[snapshot.Level]int{"": 720}, Span: month})
	if f.Next.Read != 1_000_000 || f.Next.Stored != 400_500 || f.Next.Time != 100*time.Second || !f.Known || !f.Exact {
		t.Errorf("%+v", f.Next)
	}
	if f.Spanned || f.From != 0 || f.Saved != 0 {
		t.Errorf("a month is forecast from nothing: %+v", f)
	}
	f = forecast.Make(forecast.Past{Versions: hourly(5), Next: next}, forecast.Future{Runs: map[snapshot.Level]int{"": 720}, Span: month})
	if f.Most.Read != 1_000_000 || f.Next.Read != 1_000_000 || f.Span.Read != 720*10_000 {
		t.Errorf("%+v", f)
	}
}

func TestAMonthIsTheSumOfItsRuns(t *testing.T) {
	runs := map[snapshot.Level]int{snapshot.LevelIncremental: 720}
	f := forecast.Make(forecast.Past{Versions: hourly(100)}, forecast.Future{Runs: runs, Span: month})
	want := forecast.Need{Runs: 720, Read: 720 * 10_000, New: 720 * 5000, Stored: 720 * 2000, Time: 720 * 6 * time.Second}
	if !f.Spanned || !near(f.Span.Stored, want.Stored) || !near(f.Span.Read, want.Read) || !near(uint64(f.Span.Time), uint64(want.Time)) || f.Span.Runs != 720 {
		t.Errorf("%+v, not %+v", f.Span, want)
	}
	if !near(f.Grows, 720*2000) {
		t.Errorf("all versions stay, and it grows by %d", f.Grows)
	}
	// The 72 that stay are there, so it grows as the source does: 1,000 bytes an hour.
	f = forecast.Make(forecast.Past{Versions: hourly(72)}, forecast.Future{Runs: runs, Span: month, Keep: 72})
	if !near(f.Grows, uint64(720*1000*f.Compressed)) {
		t.Errorf("72 stay, and it grows by %d", f.Grows)
	}
	// 36 more are to come first.
	f = forecast.Make(forecast.Past{Versions: hourly(36)}, forecast.Future{Runs: runs, Span: month, Keep: 72})
	if !near(f.Grows, 36*2000+uint64(684*1000*f.Compressed)) {
		t.Errorf("36 of 72 are there, and it grows by %d", f.Grows)
	}
}

func TestFullRunsAreForecastFromFullOnesOrFromTheRateOfReading(t *testing.T) {
	runs := map[snapshot.Level]int{snapshot.LevelIncremental: 716, snapshot.LevelFull: 4}
	versions := hourly(50)
	f := forecast.Make(forecast.Past{Versions: versions, Level: snapshot.LevelFull}, forecast.Future{Runs: runs, Span: month})
	if f.Next.Read != 1_049_000 || f.Next.Verified != 1_049_000 || f.Next.Time.Round(100*time.Millisecond) != 104900*time.Millisecond {
		t.Errorf("no full one yet: %+v", f.Next)
	}
	if !near(f.Span.Read, 716*10_000+4*1_049_000) || f.Span.Runs != 720 {
		t.Errorf("a month with it: %+v", f.Span)
	}
	versions[40].Level, versions[40].Stats.BytesRead, versions[40].Stats.Verified, versions[40].Stats.DataAdded = snapshot.LevelFull, 1_040_000, 900_000, 0
	f = forecast.Make(forecast.Past{Versions: versions, Level: snapshot.LevelFull}, forecast.Future{Runs: runs, Span: month})
	if f.Next.Read != 1_040_000 || f.Next.Verified != 900_000 || f.Next.Time != 6*time.Second {
		t.Errorf("from a full one: %+v", f.Next)
	}
	if f = forecast.Make(forecast.Past{}, forecast.Future{Runs: runs, Span: month}); f.Known || f.Spanned {
		t.Errorf("from nothing: %+v", f)
	}
}

func TestRatiosAreOfAllVersions(t *testing.T) {
	f := forecast.Make(forecast.Past{Versions: hourly(2)}, forecast.Future{})
	if math.Abs(f.Compressed-402_500.0/1_006_000) > 1e-9 || math.Abs(f.Saved-(1-1_006_000.0/2_001_000)) > 1e-9 {
		t.Errorf("compressed %v, saved %v", f.Compressed, f.Saved)
	}
}

// near reports whether two numbers are the same but for rounding.
func near(a, b uint64) bool { return math.Abs(float64(a)-float64(b)) <= 1000 }
