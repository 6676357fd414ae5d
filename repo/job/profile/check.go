package profile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/job/calendar"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// at returns the node that a key path ends at, or the nearest one above.
func at(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		n = followed(n)
		next := keyOf(n, key)
		if n.Kind != yaml.MappingNode || next == nil {
			break
		}
		if key == path[len(path)-1] {
			return next
		}
		n = valueOf(n, key)
	}
	return n
}

// checkTarget finds what can't work in a target.
func (d *decoder) checkTarget(e entry, t *Target) {
	key := "targets." + t.Name
	if t.URL == "" {
		d.fail(e.key, key, "url is missing: write where the target is, such as url: sftp://backup@example.org/backups")
		return
	}
	if err := (connect.Config{Location: connect.Location(t.location("")), ObjectLock: t.ObjectLock}).Check(); err != nil {
		d.fail(at(e.value, "url"), key+".url", "%v", err)
	}
	if (t.Requests > 0) != (t.Per > 0) {
		d.fail(e.key, key, "requests and per belong together: write both, such as requests: 600 and per: 30m")
	}
	if t.PackSize != 0 && (t.PackSize < 1<<20 || t.PackSize > 4<<30) {
		d.fail(at(e.value, "pack-size"), key+".pack-size", "this is %s: write a size from 1M to 4G", t.PackSize)
	}
}

// checkProfile finds what can't work in a profile, and gives its locations their targets.
func (d *decoder) checkProfile(e entry, n *yaml.Node, p *Profile, targets map[string]Target) {
	key := "profiles." + p.Name
	wrong := func(name string) bool { // which may be a misspelled key
		return slices.ContainsFunc(d.problems, func(q Problem) bool { return strings.HasPrefix(q.Key, key+"."+name) })
	}
	if !p.Repo.IsZero() {
		d.checkLocation(at(n, "repo"), key+".repo", &p.Repo, targets)
	} else if !wrong("repo") {
		d.fail(e.key, key, "repo is missing: write where the repository is, such as repo: /backup/%s", p.Name)
	}
	if len(p.Sources) == 0 && !wrong("source") {
		d.fail(e.key, key, "sources is missing: write what to save, such as sources: [/srv/%s]", p.Name)
	}
	for i := range p.Sources {
		if p.Sources[i].Path == "" {
			d.fail(at(n, "sources"), fmt.Sprintf("%s.sources[%d]", key, i), "path is missing: write what to save")
		}
	}
	for i := range p.Replicas {
		d.checkLocation(at(n, "replicas"), fmt.Sprintf("%s.replicas[%d]", key, i), &p.Replicas[i], targets)
	}
	for i := range p.Copies {
		d.checkCopy(at(n, "copies"), fmt.Sprintf("%s.copies[%d]", key, i), &p.Copies[i], targets)
	}
	d.checkNames(n, key, p)
	d.checkSchedule(n, key+".schedule", &p.Schedule)
	d.checkRetention(n, key+".retention", &p.Retention)
	d.checkRest(n, key, p)
}

func (d *decoder) checkCopy(n *yaml.Node, key string, c *Copy, targets map[string]Target) {
	if c.Repo.IsZero() {
		d.fail(n, key, "repo is missing: write where the other repository is")
	} else {
		d.checkLocation(n, key+".repo", &c.Repo, targets)
	}
	if c.Secret.IsZero() {
		d.fail(n, key, "the secret of the other repository is missing: write key-file, password-file, password-command or credential")
	}
}

// checkLocation checks a location, and gives it its target.
func (d *decoder) checkLocation(n *yaml.Node, key string, l *Location, targets map[string]Target) {
	switch {
	case l.URL == "" && l.Target == "":
		d.fail(n, key, "write a directory, a URL, or {target: NAME, path: PATH}")
		return
	case l.URL != "" && l.Path != "":
		d.fail(n, key, "path belongs to target: write the whole location as one text, or {target: NAME, path: PATH}")
		return
	case l.Target != "":
		t, ok := targets[l.Target]
		if !ok {
			var names []string
			for name := range targets {
				names = append(names, name)
			}
			d.fail(n, key, "there is no target %s%s", shown(l.Target), didYouMean(l.Target, names))
			return
		}
		if slices.Contains(strings.Split(l.Path, "/"), "..") {
			d.fail(n, key, "the path must stay below the target: take out ..")
			return
		}
		l.at = t
		d.problems = append(d.problems, t.wrong...) // what names it can't be used
		if len(t.wrong) > 0 {
			return
		}
	default:
		l.URL = d.directory(n, key, l.URL)
	}
	if err := (connect.Config{Location: l.Connect(), ObjectLock: l.at.ObjectLock}).Check(); err != nil {
		d.fail(n, key, "%v", err)
	}
}

// directory makes a location absolute if it is a directory.
func (d *decoder) directory(n *yaml.Node, key, url string) string {
	dir := connect.Location(url).Directory()
	if dir == "" || strings.HasPrefix(url, "local:") {
		return url
	}
	return string(connect.Directory(d.path(n, key, dir)))
}

// checkNames checks patterns and names.
func (d *decoder) checkNames(n *yaml.Node, key string, p *Profile) {
	for _, name := range p.IgnoreFile {
		if name == "" || strings.ContainsAny(name, `/\`) {
			d.fail(at(n, "ignore-file"), key+".ignore-file", "%s is a path: write the name of files in the tree, or use exclude-file for a single file", shown(name))
		}
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"tags", p.Tags}, {"exclude", p.Exclude}, {"accept-unread", p.AcceptUnread}} {
		if slices.Contains(list.values, "") {
			d.fail(at(n, list.name), key+"."+list.name, "an element is empty: take it out")
		} else if _, err := repo.ParsePatterns(list.values); err != nil && list.name != "tags" {
			d.fail(at(n, list.name), key+"."+list.name, "%v", err)
		}
	}
	if p.ExcludeLargerThan < 0 {
		d.fail(at(n, "exclude-larger-than"), key+".exclude-larger-than", "write a size of at least 1")
	}
}

// checkRetention checks the rules of a policy.
func (d *decoder) checkRetention(n *yaml.Node, key string, r *Retention) {
	if r.KeepWithin != "" {
		if _, err := retention.ParseSpan(r.KeepWithin); err != nil {
			d.fail(at(n, "retention", "keep-within"), key+".keep-within", "%v", err)
		}
	}
	if r.GroupBy != nil {
		if _, err := retention.ParseGrouping(*r.GroupBy); err != nil {
			d.fail(at(n, "retention", "group-by"), key+".group-by", "%v", err)
		}
	}
	if r.KeepExtra != nil && r.KeepLast == 0 {
		d.fail(at(n, "retention", "keep-extra"), key+".keep-extra", "keep-extra is about the slots of keep-last: write that, too")
	} else if _, err := r.Policy(); err != nil && r.KeepWithin == "" {
		d.fail(at(n, "retention"), key, "%v", err)
	}
}

// checkSchedule checks when runs are due.
func (d *decoder) checkSchedule(n *yaml.Node, key string, s *Schedule) {
	if _, err := s.zone(); err != nil {
		d.fail(at(n, "schedule", "zone"), key+".zone", "there is no time zone %s: write a name such as Europe/Berlin or Asia/Shanghai", shown(s.Zone))
		return
	}
	if _, err := s.Due(); err != nil {
		name := "every"
		if s.Cron != "" {
			name = "cron"
		}
		d.fail(at(n, "schedule", name), key+"."+name, "%v", err)
	}
	for _, level := range []struct{ name, text string }{{"full", s.Full}, {"differential", s.Differential}} {
		if level.text == "" {
			continue
		}
		if _, err := calendar.ParseRecurrence(level.text, nil); err != nil {
			d.fail(at(n, "schedule", level.name), key+"."+level.name, "%v", err)
		}
	}
	if s.Zone != "" && s.Cron == "" && s.Full == "" && s.Differential == "" {
		d.warn(at(n, "schedule", "zone"), key+".zone", "every has no time zone: zone only counts for cron, full and differential")
	}
}

// checkRest checks what belongs together.
func (d *decoder) checkRest(n *yaml.Node, key string, p *Profile) {
	if p.Verify.ReadDataSubset != "" && !isSubset(p.Verify.ReadDataSubset) {
		d.fail(at(n, "verify", "read-data-subset"), key+".verify.read-data-subset", "this is %s: write a percentage such as 5%%, or a part such as 1/12", shown(p.Verify.ReadDataSubset))
	}
}

// isSubset reports whether a text is a part of the data such as 5% or 1/12.
func isSubset(s string) bool {
	if v, ok := percent(s); ok {
		return v > 0 && v <= 1
	}
	part, of, ok := strings.Cut(s, "/")
	n, err1 := strconv.Atoi(part)
	m, err2 := strconv.Atoi(of)
	return ok && err1 == nil && err2 == nil && n >= 1 && n <= m
}
