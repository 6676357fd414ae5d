package main

import (
	"os"
	"testing"

	"github.com/qsnap/qsnap/repo/report"
)

// What qsnap prints about schedules has the shapes that the help lists.
func TestJSONOfSchedulesStaysAsItIs(t *testing.T) {
	s := newJSONSession(t)
	const config = "profiles:\n  app:\n    repo: /backup/app\n    key-file: /k\n    sources: [/srv/app]\n    schedule: {every: 1h, full: daily}\n"
	if err := os.WriteFile("config.yaml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("schedule", "show", "--config", "config.yaml", "-p", "app", "--from", "2026-03-29T23:00:00Z", "--next", "2")
	s.run("schedule", "show", "--expr", "0 3 * * *", "--zone", "Europe/Berlin", "--from", "2026-03-29", "--next", "1")
	s.exact("schedule", func(p *program) {
		for _, what := range []string{"installed", "printed", "shown", "removed"} {
			s.must(p.showScheduled(report.NewScheduled(what, report.Scheduled{
				Profile: "app", Scheduler: "systemd", Files: []string{"/etc/systemd/system/qsnap-app.timer"}, Text: "[Timer]\n",
				Commands: []string{"systemctl daemon-reload"}, Warning: "the profile is paused: its runs do nothing until it is not",
			})))
		}
	})
	s.same()
}
