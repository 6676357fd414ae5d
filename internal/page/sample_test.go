package page

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// berlin is where the samples are from.
var berlin = time.FixedZone("", 3600)

var now = time.Date(2026, 11, 30, 15, 6, 12, 0, berlin)

// slotsOf returns hourly slots up to now, all good.
func slotsOf(n int, seed uint64) (list []report.SlotReport) {
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		slot := now.Truncate(time.Hour).Add(time.Duration(i-n+1) * time.Hour)
		day := math.Max(0, math.Sin((float64(slot.Hour())-7)/24*2*math.Pi))
		list = append(list, report.SlotReport{
			Slot: slot, State: report.SlotGood, Snapshot: snapshot.ID{byte(i), byte(seed)},
			New: uint64(1e5 + day*8e6*r.ExpFloat64()), Bytes: 4 << 30,
		})
	}
	return list
}

func promise(kept, of int, goal float64) report.Promise {
	p := report.Promise{Kept: kept, Of: of, Ratio: 1, Goal: goal}
	if of > 0 {
		p.Ratio = float64(kept) / float64(of)
	}
	p.Held = p.Ratio >= goal
	return p
}

// well is a report of a host on which all is as it should be.
func well() report.HostReport {
	use := func(mean, budget float64) report.Use {
		return report.Use{Mean: mean, P95: mean * 1.3, Max: mean * 1.6, Budget: budget}
	}
	app := report.ProfileReport{
		Standing: report.Standing{
			Profile: "app", Repository: "/backup/app", State: report.IsGood, Summary: "good: the last good version ended 4 min ago, 15:02",
			Known: report.FromRepository, LastGood: now.Add(-4 * time.Minute), NextDue: now.Add(54 * time.Minute),
		},
		Schedule: "every 1h", Slots: slotsOf(72, 1),
		OnTime: promise(168, 168, 0.999), Success: promise(168, 168, 0.999),
		Versions: report.VersionReport{Kept: 75, Good: 75, Slots: 72, Wanted: 72, Possible: 72, Enough: true, Oldest: now.Add(-72 * time.Hour)},
		Last:     &report.RunTaken{Bytes: 4 << 30, New: 3 << 20, Stored: 1 << 20},
		Cost:     &report.CostReport{Runs: 168, CPU: use(0.062, 0.1), IO: use(0.11, 0.3), Memory: use(120<<20, 256<<20), Duration: 41, DurationUp: 75},
	}
	sizes := []report.SizeReport{}
	for i := range 120 {
		sizes = append(sizes, report.SizeReport{Time: now.Add(time.Duration(i-119) * 6 * time.Hour), Stored: uint64(5e9 + float64(i)*2e7 + 3e8*math.Sin(float64(i)/9))})
	}
	return report.HostReport{
		Time: now, Since: now.AddDate(0, 0, -7), Host: "web1", Good: true, Summary: "app: good: the last good version ended 4 min ago, 15:02.",
		Profiles: []report.ProfileReport{app},
		Repositories: []report.RepositoryReport{{
			Location: "/backup/app", Profiles: []string{"app"}, Versions: 75, FullBytes: 310 << 30, UniqueBytes: 14 << 30, Stored: sizes[119].Stored,
			Saved: 0.976, SavedGoal: 0.6, Dedup: 0.955, Compression: 0.48, PerDay: 8e7, Free: 60 << 30, FullOn: now.AddDate(0, 0, 805), Sizes: sizes,
		}},
		Restores: report.RestoreReport{Success: promise(3, 3, 1), InTime: promise(3, 3, 1), Goal: 300, FirstFile: report.Times{Median: 0.4, Max: 1}, Done: report.Times{Median: 12, Max: 40}},
		Proofs:   promise(7, 7, 1), Drills: promise(0, 0, 1),
	}
}

// bothered is a report of a host where something is wrong everywhere.
func bothered() report.HostReport {
	r := well()
	r.Good, r.Summary = false, "2 of 3 profiles need attention; the worst: web is overdue: the last good version ended 5 h 12 min ago, 09:54; at most 2 h is promised; the last run: no space left on device."
	r.Attention = []string{"1 of 9 verifications found damage", "web is overdue: the last good version ended 5 h 12 min ago, 09:54; at most 2 h is promised", "mail is failing: before: exit code 1", "the disk of /backup/app will be full in 9 d"}
	web, mail := r.Profiles[0], r.Profiles[0]
	web.Profile, web.State, web.Slots = "web", report.IsOverdue, slotsOf(72, 2)
	set := func(slots []report.SlotReport, state report.SlotState, cause string, at ...int) {
		for _, i := range at {
			slots[i] = report.SlotReport{Slot: slots[i].Slot, State: state, Cause: cause}
		}
	}
	set(web.Slots, report.SlotUnknown, "", 0, 1, 2, 3)
	set(web.Slots, report.SlotMissed, "", 20, 21, 22)
	set(web.Slots, report.SlotFailed, "no space left on device", 66, 67, 68, 69, 70)
	set(web.Slots, report.SlotRunning, "", 71)
	set(web.Slots, report.SlotForgotten, "", 30)
	set(web.Slots, report.SlotSkipped, "the last version is younger", 40)
	web.Slots[35].State, web.Slots[35].Cause = report.SlotIncomplete, "/srv/web/uploads is missing"
	web.Slots[50].Late = 1900
	web.OnTime, web.Success = promise(164, 168, 0.999), promise(162, 168, 0.999)
	web.Versions = report.VersionReport{Kept: 60, Slots: 60, Wanted: 72, Possible: 68}
	cost := *web.Cost
	cost.CPU, cost.Over = report.Use{Mean: 0.14, P95: 0.2, Max: 0.4, Budget: 0.1}, 12
	web.Cost, web.Running = &cost, &report.RunProgress{}
	mail.Profile, mail.State, mail.Slots = "mail", report.IsFailing, slotsOf(168, 3)
	set(mail.Slots, report.SlotFailed, "before: exit code 1", 166)
	set(mail.Slots, report.SlotWaiting, "", 167)
	mail.Cost, mail.Last = nil, nil
	mail.OnTime = promise(1679, 1680, 0.999)
	r.Profiles = append([]report.ProfileReport{web, mail}, r.Profiles...)
	r.Repositories[0].FullOn = now.AddDate(0, 0, 9)
	r.Repositories[0].Free = 720e6
	r.Restores = report.RestoreReport{Success: promise(2, 3, 1), InTime: promise(1, 2, 1), Goal: 300, FirstFile: report.Times{Median: 2, Max: 3}, Done: report.Times{Median: 200, Max: 420}}
	r.Restores.Success.Causes = []report.Reason{{Text: "pack 3fa2…: checksum mismatch", Count: 1}}
	r.Proofs = promise(8, 9, 1)
	r.Proofs.Causes = []report.Reason{{Text: "damage was found", Count: 1}}
	r.Unreadable = []string{"history: /var/lib/qsnap/history/app/20261130T140003.250Z_-_x.run can't be read: it is not whole: it is left out"}
	return r
}
