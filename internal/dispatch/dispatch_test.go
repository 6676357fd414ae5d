package dispatch

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// The clock of a bubble begins at midnight of 2000-01-01 in UTC.

func TestAProfileRunsAtEachSlotAndItsJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		job := hourly("app")
		job.Jitter = 90 * time.Second
		_, stop := h.serve(nil, job)
		defer stop()
		h.expect(t, "app catch-up 23:00") // nothing is protected yet
		time.Sleep(89 * time.Second)
		h.expect(t)
		time.Sleep(time.Second)
		h.expect(t, "app schedule 00:00")
		time.Sleep(3 * time.Hour)
		h.expect(t, "app schedule 01:00", "app schedule 02:00", "app schedule 03:00")
	})
}

func TestOnlyTheNewestOfMissedSlotsIsCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		_, stop := h.serve(nil, hourly("app"))
		defer stop()
		time.Sleep(10 * time.Minute)
		h.expect(t, "app schedule 00:00")
		h.sleep(7*time.Hour + 10*time.Minute)
		time.Sleep(longestWait)
		h.expect(t, "app catch-up 07:00")
		time.Sleep(time.Hour)
		h.expect(t, "app schedule 08:00")
	})
}

func TestARunBesideTheServiceSettlesASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		_, stop := h.serve(nil, hourly("app"))
		defer stop()
		time.Sleep(10 * time.Minute)
		h.starts()
		h.does(func(ctx context.Context, r Request) (report.Run, error) { // cron was faster
			if len(h.runs()) == 1 {
				h.record(report.Run{Profile: "app", Slot: r.Slot, Snapshot: &report.RunTaken{}, Ended: h.now().Add(20 * time.Second)}) // kept out after 0, 5 and 15 seconds
			}
			return report.Run{Code: codeRunning}, nil
		})
		time.Sleep(55 * time.Minute)
		h.expect(t, "app schedule 01:00", "app schedule 01:00", "app schedule 01:00")
		h.does(nil)
		time.Sleep(time.Hour)
		h.expect(t, "app schedule 02:00")
	})
}

func TestAClockThatIsSetBackMakesItsRunsCountForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		_, stop := h.serve(nil, hourly("app"))
		defer stop()
		time.Sleep(2*time.Hour + 10*time.Minute)
		h.expect(t, "app schedule 00:00", "app schedule 01:00", "app schedule 02:00")
		h.sleep(-24 * time.Hour)
		time.Sleep(longestWait)
		h.expect(t, "app catch-up 02:00") // of the day before
		time.Sleep(24 * time.Hour)
		got := h.starts()
		if len(got) != 24 || got[21] != "app schedule 00:00" || got[23] != "app schedule 02:00" {
			t.Errorf("%d runs: %q", len(got), got)
		}
	})
}

func TestASlotThatWasGivenUpIsTriedAgainOnceTheClockIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.does(func(ctx context.Context, r Request) (report.Run, error) {
			time.Sleep(15 * time.Minute)
			return report.Run{Code: codeUsage}, nil
		})
		_, stop := h.serve(nil, hourly("app"))
		defer stop()
		time.Sleep(20 * time.Minute)
		h.starts()
		h.sleep(-10 * time.Minute)
		time.Sleep(longestWait)
		h.expect(t, "app catch-up 00:00")
	})
}

func TestAFailedRunIsRepeatedUntilTheNextSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.does(func(context.Context, Request) (report.Run, error) { return report.Run{Code: 5}, nil })
		job := hourly("app")
		job.Retries.Max = 100
		_, stop := h.serve(nil, job)
		defer stop()
		time.Sleep(59 * time.Minute)
		// After 0, 1, 3, 7, 15, 30 and 45 minutes.
		h.expect(t, "app schedule 00:00", "app retry 00:00", "app retry 00:00", "app retry 00:00", "app retry 00:00", "app retry 00:00", "app retry 00:00")
		h.does(func(context.Context, Request) (report.Run, error) { return report.Run{}, errDied })
		time.Sleep(90 * time.Second)
		h.expect(t, "app schedule 01:00")
		h.does(nil)
		time.Sleep(time.Minute)
		h.expect(t, "app retry 01:00")
		time.Sleep(55 * time.Minute)
		h.expect(t)
	})
}

func TestAnotherTryOfWhatCannotWorkIsNotMade(t *testing.T) {
	for _, code := range []int{codeUsage, codeWrongSecret} {
		synctest.Test(t, func(t *testing.T) {
			h := newHost()
			h.does(func(context.Context, Request) (report.Run, error) { return report.Run{Code: code}, nil })
			d, stop := h.serve(nil, hourly("app"))
			defer stop()
			time.Sleep(59 * time.Minute)
			h.expect(t, "app schedule 00:00")
			time.Sleep(time.Minute)
			h.expect(t, "app schedule 01:00")
			h.does(nil)
			d.Reload([]Job{hourly("app")})
			h.expect(t, "app schedule 01:00")
		})
	}
}

func TestRunsByHandComeFirstThenTheHigherPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		jobs := []Job{hourly("a"), hourly("b"), hourly("c")}
		jobs[1].Priority = 3
		d, stop := h.serve(func(o *Options) { o.Parallel = 1 }, append(jobs, Job{Profile: "m"}, Job{Profile: "n"})...)
		defer stop()
		h.starts()
		if _, err := d.Enqueue("m", "full", 0, false); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Enqueue("n", "", 9, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		got := h.starts()
		if len(got) != 2 || got[0] != "n manual" || got[1] != "m manual" {
			t.Errorf("%q", got)
		}
		time.Sleep(3 * time.Minute)
		h.starts()
		time.Sleep(56 * time.Minute)
		if got := h.starts(); len(got) < 1 || got[0] != "b schedule 01:00" {
			t.Errorf("%q", got)
		}
	})
}

func TestRunsOfOneRepositoryWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		a, b, c := hourly("a"), hourly("b"), hourly("c")
		a.Repository, b.Repository, b.Priority, a.Priority = "r", "r", 1, 2
		d, stop := h.serve(func(o *Options) { o.Parallel = 3 }, a, b, c)
		defer stop()
		s := d.Status()
		if len(s.Running) != 2 || s.Running[0].Profile != "a" || s.Running[1].Profile != "c" {
			t.Errorf("%v", s.Running)
		}
		if len(s.Queue) != 1 || s.Queue[0].Profile != "b" || !strings.Contains(s.Queue[0].Why, "same repository") {
			t.Errorf("%v", s.Queue)
		}
		d.SetParallel(3, 2)
		synctest.Wait()
		if s = d.Status(); len(s.Running) != 3 {
			t.Errorf("two may run in a repository now: %v", s.Running)
		}
		time.Sleep(61 * time.Second)
		if s = d.Status(); len(s.Running) != 0 {
			t.Errorf("%v", s.Running)
		}
	})
}

func TestARunWaitsForALowLoadWithinItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		job := hourly("app")
		job.Window, job.Load = 20*time.Minute, 0.5
		h.setLoad(0.8)
		d, stop := h.serve(nil, job)
		defer stop()
		time.Sleep(19 * time.Minute)
		h.expect(t)
		if s := d.Status(); len(s.Queue) != 1 || !strings.Contains(s.Queue[0].Why, "busy to 80%") {
			t.Errorf("%v", s.Queue)
		}
		time.Sleep(time.Minute)
		h.expect(t, "app schedule 00:00") // the window is over
		time.Sleep(45 * time.Minute)
		h.expect(t)
		h.setLoad(0.2)
		time.Sleep(loadInterval)
		h.expect(t, "app schedule 01:00")
	})
}

func TestAScheduleWithHoursStartsItsRunsThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		job := hourly("app")
		job.Open = func(at time.Time) bool { return at.Hour() >= 2 && at.Hour() < 4 }
		d, stop := h.serve(nil, job)
		defer stop()
		time.Sleep(119 * time.Minute)
		h.expect(t)
		if s := d.Status(); len(s.Queue) != 1 || !strings.Contains(s.Queue[0].Why, "time of the day") {
			t.Errorf("%v", s.Queue)
		}
		time.Sleep(22*time.Hour + time.Minute)
		h.expect(t, "app schedule 02:00", "app schedule 03:00")
	})
}

func TestWithoutCatchingUpWhatWasMissedIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		job := hourly("app")
		job.NoCatchUp = true
		_, stop := h.serve(nil, job)
		defer stop()
		time.Sleep(time.Minute)
		h.expect(t, "app schedule 00:00")
		h.sleep(100 * time.Minute)
		time.Sleep(19 * time.Minute)
		h.expect(t, "app schedule 02:00")
	})
}

func TestWhatWasCancelledIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.does(func(ctx context.Context, r Request) (report.Run, error) { return h.take(ctx, r, 10*time.Minute) })
		d, stop := h.serve(nil, hourly("app"))
		time.Sleep(time.Minute)
		if err := d.Cancel("app"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		h.expect(t, "app schedule 00:00")
		if n := len(h.runs()); n != 1 || h.runs()[0].Message != ErrCancelled.Error() {
			t.Errorf("%v", h.runs())
		}
		if err := d.Cancel("app"); err == nil {
			t.Error("what doesn't run was cancelled")
		}
		stop()
		_, stop = h.serve(nil, hourly("app")) // the next service knows it, too
		defer stop()
		time.Sleep(50 * time.Minute)
		h.expect(t)
		time.Sleep(10 * time.Minute)
		h.expect(t, "app schedule 01:00")
	})
}

func TestWhatWaitsIsMovedAndDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		d, stop := h.serve(func(o *Options) { o.Parallel = 1 }, Job{Profile: "a"}, Job{Profile: "b"}, Job{Profile: "c"}, Job{Profile: "d"})
		defer stop()
		ids := map[string]string{}
		for _, p := range []string{"a", "b", "c", "d"} {
			var err error
			if ids[p], err = d.Enqueue(p, "", 0, false); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if again, err := d.Enqueue("d", "", 0, false); err != nil || again != ids["d"] {
			t.Errorf("%q, %v: what waits was queued twice", again, err)
		}
		if err := d.Move(ids["d"], true, nil); err != nil {
			t.Error(err)
		}
		five := 5
		if err := d.Move("c", false, &five); err != nil {
			t.Error(err)
		}
		if err := d.Drop("b"); err != nil {
			t.Error(err)
		}
		if err := d.Drop("b"); err == nil {
			t.Error("what doesn't wait was dropped")
		}
		time.Sleep(10 * time.Minute)
		h.expect(t, "a manual", "d manual", "c manual")
	})
}

func TestAPauseIsKeptAndItsEndCatchesUpOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		d, stop := h.serve(nil, hourly("a"), hourly("b"))
		time.Sleep(2 * time.Minute)
		h.starts()
		if err := d.Pause("a"); err != nil {
			t.Fatal(err)
		}
		stop()
		d, stop = h.serve(nil, hourly("a"), hourly("b"))
		defer stop()
		time.Sleep(3 * time.Hour)
		h.expect(t, "b schedule 01:00", "b schedule 02:00", "b schedule 03:00")
		if _, err := d.Enqueue("a", "", 0, false); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Minute)
		h.expect(t, "a manual")
		if err := d.Resume("a"); err != nil {
			t.Error(err)
		}
		h.expect(t, "a catch-up 03:00")
	})
}

func TestAReloadDropsNoRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.does(func(ctx context.Context, r Request) (report.Run, error) { return h.take(ctx, r, 10*time.Minute) })
		d, stop := h.serve(func(o *Options) { o.Parallel = 1 }, hourly("a"), Job{Profile: "gone"})
		defer stop()
		if _, err := d.Enqueue("gone", "", 0, false); err != nil {
			t.Fatal(err)
		}
		h.expect(t, "a schedule 00:00")
		d.Reload([]Job{hourly("b")}) // "a" is removed while it runs, "gone" while it waits
		time.Sleep(11 * time.Minute)
		h.expect(t, "b schedule 00:00")
		if len(h.runs()) != 1 || h.runs()[0].Snapshot == nil {
			t.Errorf("the run of a profile that was removed made no version: %v", h.runs())
		}
		time.Sleep(2 * time.Hour)
		h.expect(t, "b schedule 01:00", "b schedule 02:00")
	})
}

func TestAStopEndsRunsAndTheNextServiceRepeatsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.does(func(ctx context.Context, r Request) (report.Run, error) { return h.take(ctx, r, 10*time.Minute) })
		_, stop := h.serve(nil, hourly("a"))
		time.Sleep(time.Minute)
		stop()
		if len(h.runs()) != 1 || h.runs()[0].Message != ErrStopping.Error() {
			t.Errorf("%v", h.runs())
		}
		_, stop = h.serve(nil, hourly("a"))
		defer stop()
		time.Sleep(15 * time.Minute)
		h.expect(t, "a schedule 00:00", "a schedule 00:00")
		if len(h.runs()) != 2 || h.runs()[1].Snapshot == nil {
			t.Errorf("%v", h.runs())
		}
	})
}

func TestARequestByHandOutlivesTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		d, stop := h.serve(func(o *Options) { o.Parallel = 1 }, Job{Profile: "a"}, Job{Profile: "b"})
		for _, p := range []string{"a", "b"} {
			if _, err := d.Enqueue(p, "full", 0, false); err != nil {
				t.Fatal(err)
			}
		}
		saved := h.kept()
		time.Sleep(90 * time.Second) // the run of a has ended, that of b has not
		stop()
		h.expect(t, "a manual", "b manual")
		if len(h.kept().Requests) != 1 || h.kept().Requests[0].Profile != "b" {
			t.Errorf("saved: %v", h.kept().Requests)
		}
		// What was saved last may be from before the end of a run: a kill -9 leaves it so.
		h.saved.Requests = append(h.saved.Requests, saved.Requests[0])
		_, stop = h.serve(nil, Job{Profile: "a"}, Job{Profile: "b"})
		defer stop()
		time.Sleep(5 * time.Minute)
		h.expect(t, "b manual")
		if left := h.kept().Requests; len(left) != 0 {
			t.Errorf("%v is still saved", left)
		}
	})
}

func TestUnknownProfilesAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		d, stop := h.serve(nil, hourly("a"))
		defer stop()
		_, err := d.Enqueue("b", "", 0, false)
		for _, err := range []error{err, d.Pause("b"), d.Resume("b"), d.Cancel("b"), d.Drop("b")} {
			if err == nil || !strings.Contains(err.Error(), `"b"`) {
				t.Errorf("%v doesn't name the profile", err)
			}
		}
	})
}
