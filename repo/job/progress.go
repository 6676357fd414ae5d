package job

import (
	"os"
	"time"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/report"
)

// showEvery is how often the state directory is shown how far the run has come.
const showEvery = time.Second

// show begins to show the run in the state directory. A run that can't be shown is run all the
// same.
func (x *running) show() {
	x.at.Started, x.at.Updated = x.record.Started, x.record.Started
	var err error
	if x.shown, err = x.dir.Show(x.at); err != nil {
		x.shown = nil
		x.warn(err)
	}
}

// firstProgress is what is known before the run.
func firstProgress(r report.Run) report.RunProgress {
	return report.RunProgress{
		Head: report.Head{MessageType: "run_progress"}, ID: r.ID, Profile: r.Profile, Trigger: r.Trigger, Slot: r.Slot,
		PID: os.Getpid(), Started: r.Started, Updated: r.Started, Step: "before",
	}
}

// progress changes how far the run has come, and shows it.
func (x *running) progress(change func(*report.RunProgress)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	step := x.at.Step
	change(&x.at)
	now := x.o.Now()
	x.at.Updated = now
	if x.pace != nil {
		x.at.CPU, x.at.IO = x.pace.Current()
	}
	x.o.Progress(x.at)
	if since := now.Sub(x.last); x.shown == nil || step == x.at.Step && since >= 0 && since < showEvery {
		return
	}
	x.last = now
	_ = x.shown.Update(x.at) // the run goes on without
}

// update shows the progress of a verb of the repository.
func (x *running) update(u repo.Progress) {
	x.progress(func(p *report.RunProgress) {
		p.Phase, p.Done, p.Total, p.Unit = string(u.Phase), u.Done, u.Total, string(u.Unit)
	})
}

// waiting shows that the target makes the run wait.
func (x *running) waiting(w connect.Wait) {
	x.progress(func(p *report.RunProgress) { p.Current = "waiting: " + w.String() })
}
