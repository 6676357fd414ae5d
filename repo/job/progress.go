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
	x.at = report.RunProgress{
		ID: x.record.ID, Profile: x.p.Name, Trigger: x.record.Trigger, Slot: x.record.Slot,
		PID: os.Getpid(), Started: x.record.Started, Updated: x.record.Started, Step: "before",
	}
	x.at.MessageType = "run_progress"
	var err error
	if x.shown, err = x.dir.Show(x.at); err != nil {
		x.shown = nil
		x.warn(err)
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
