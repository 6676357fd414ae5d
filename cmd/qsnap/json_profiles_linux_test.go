package main

import (
	"errors"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/snapshot"
)

// configures edits, checks and shows profiles.
func (s *jsonSession) configures() {
	const file = "config.yaml"
	s.run("profile", "add", "app", "repo=r", "key-file=key", "sources=src", "schedule.every=1h", "retention.keep-last=72", "--config", file)
	s.run("profile", "set", "app", "paused=true", "--config", file)
	s.run("profile", "list", "--config", file)
	s.run("profile", "adopt", "app", "--host", "elsewhere", "--dry-run", "--config", file)
	s.exact("profile", func(p *program) {
		m, at := exactManifest, *exactManifest
		at.ID = snapshot.ID{8}
		s.must(p.showAdopted(repo.Adopted{Old: m, New: &at, Left: errors.New("it is locked")}))
		s.must(p.showAdopted(repo.Adopted{Old: m}))
		s.must(p.emit(report.NewProfileEdited("recovered", "app", "config.yaml")))
	})
	s.run("config", "check", "--config", file)
	s.run("config", "show", "app", "--config", file)
	s.write("bad.yaml", "profiles:\n  app: {repo: r, sources: nowhere, key-file: key, host: web1}\n  bad: {repo: r, sources: src, hots: web1}\n")
	s.run("profile", "list", "--config", "bad.yaml")
	s.run("config", "check", "--config", "bad.yaml")
	s.run("profile", "remove", "app", "--config", file)
}
