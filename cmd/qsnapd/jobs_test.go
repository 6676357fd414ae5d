package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/qsnap/qsnap/repo/job/profile"
)

func TestAProfileSaysHowItIsDispatched(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := `
profiles:
  default: {sources: [/src], key-file: /key, repo: /r, host: web1}
  plain: {schedule: {every: 1h}}
  full:
    priority: 7
    paused: true
    schedule:
      cron: "30 2 * * *"
      zone: Europe/Berlin
      window: ["22:00-06:00"]
      low-load: {cpu: 30%, wait: 10m}
      catch-up: false
      retry: {times: -1, delay: 5m}
  spread: {schedule: {every: 1h, jitter: 30m}}
  hand: {repo: /other}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := profile.Load(file, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	job := func(name string) (out struct {
		window, jitter, first          time.Duration
		load                           float64
		priority, retries              int
		paused, noCatchUp, open, hours bool
		scheduled                      bool
		repository                     string
	}) {
		p, err := set.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		j, err := jobOf(p)
		if err != nil {
			t.Fatal(err)
		}
		out.window, out.jitter, out.first, out.load = j.Window, j.Jitter, j.Retries.First, j.Load
		out.priority, out.retries, out.paused, out.noCatchUp = j.Priority, j.Retries.Max, j.Paused, j.NoCatchUp
		out.hours, out.scheduled, out.repository = j.Open != nil, j.Schedule != nil, j.Repository
		out.open = j.Open == nil || j.Open(time.Date(2026, 11, 30, 23, 0, 0, 0, time.Local)) && !j.Open(time.Date(2026, 11, 30, 12, 0, 0, 0, time.Local))
		return out
	}
	plain, full, spread, hand := job("plain"), job("full"), job("spread"), job("hand")
	if !plain.scheduled || plain.paused || plain.noCatchUp || plain.hours || plain.window != 0 || plain.jitter <= 0 || plain.jitter >= 3*time.Minute || plain.retries != 3 || plain.priority != 5 {
		t.Errorf("%+v", plain)
	}
	if !full.paused || !full.noCatchUp || !full.hours || !full.open || full.window != 10*time.Minute || full.load != 0.3 || full.jitter != 0 || full.retries != -1 || full.first != 5*time.Minute || full.priority != 7 {
		t.Errorf("%+v", full)
	}
	if spread.jitter <= 0 || spread.jitter >= 30*time.Minute {
		t.Errorf("%+v", spread)
	}
	if hand.scheduled || hand.repository == plain.repository || spread.repository != plain.repository {
		t.Errorf("%+v", hand)
	}
}
