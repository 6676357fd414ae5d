package main

import (
	"github.com/qsnap/qsnap/repo/report"
)

// services files what the commands that ask the service print.
func (s *jsonSession) services() {
	s.exact("run-now", func(p *program) { s.must(p.emit(report.NewRunRequested("00ff", "app", "full", 9))) })
	s.exact("logs", func(p *program) {
		s.must(p.emit(report.LogLine{Time: exactTime, Level: "INFO", Message: "step"}))
	})
	s.exact("queue", func(p *program) {
		all := report.NewService("1.0.0", 7, exactTime, false)
		all.Profiles = append(all.Profiles, report.ServiceProfile{Name: "app", Paused: true, Next: exactTime, Slot: exactTime, Ended: exactTime, Code: 3})
		all.Running = append(all.Running, report.RunProgress{
			Head: report.Head{MessageType: "run_progress"}, ID: "00ff", Profile: "app", Trigger: report.ByHand, Level: "full", Slot: exactTime, PID: 8,
			Started: exactTime, Updated: exactTime, Step: "snapshot", Phase: "capture", Done: 1, Total: 2, Unit: "bytes", Current: "sub", CPU: 0.1, IO: 0.2,
		})
		all.Queue = append(all.Queue, report.Queued{
			ID: "00fe", Profile: "db", Position: 1, Trigger: report.ByRetry, Level: "full", Priority: 5, Slot: exactTime, Due: exactTime, Failed: 1, Why: "it must",
		})
		s.must(p.emit(all))
	})
}
