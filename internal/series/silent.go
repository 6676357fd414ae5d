package series

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

// SilentAfter is how long a host makes no version until a report names it.
const SilentAfter = 30 * 24 * time.Hour

// A Silence is a host that has made no version for long, or one installation of a host that
// others still make versions for. Its versions stay, because only its own runs forget them.
type Silence struct {
	Hostname     string
	Installation snapshot.Installation // zero if the whole host is silent
	Versions     int
	Last         time.Time // when the last version ended
	// Newest are the newest version of each series and paths, the oldest of them first.
	Newest []*snapshot.Manifest
}

// Silent returns the hosts and installations whose last source version is older than a time,
// the one that is silent for longest first.
func Silent(ms []*snapshot.Manifest, now time.Time, after time.Duration) (out []Silence) {
	hosts, installations := map[string]*Silence{}, map[installed]*Silence{}
	for _, p := range snapshot.Order(ms, now) {
		if p.Kind != snapshot.KindSource {
			continue
		}
		add(hosts, p.Hostname, p, Silence{Hostname: p.Hostname})
		if i := p.Job.Installation; !i.IsZero() {
			add(installations, installed{p.Hostname, i}, p, Silence{Hostname: p.Hostname, Installation: i})
		}
	}
	isSilent := func(s *Silence) bool { return now.Sub(s.Last) > after }
	for _, h := range hosts {
		if isSilent(h) {
			out = append(out, *h)
		}
	}
	for _, i := range installations {
		if isSilent(i) && !isSilent(hosts[i.Hostname]) {
			out = append(out, *i)
		}
	}
	slices.SortFunc(out, func(a, b Silence) int {
		if c := a.Last.Compare(b.Last); c != 0 {
			return c
		}
		return strings.Compare(a.Hostname+a.Installation.String(), b.Hostname+b.Installation.String())
	})
	return out
}

// installed is an installation on a host.
type installed struct {
	host string
	id   snapshot.Installation
}

// add adds a version to the silence with a key.
func add[K comparable](all map[K]*Silence, key K, p snapshot.Placed, empty Silence) {
	s := all[key]
	if s == nil {
		s = &empty
		all[key] = s
	}
	s.Versions++
	if p.Time.After(s.Last) {
		s.Last = p.Time
	}
	s.Newest = slices.DeleteFunc(s.Newest, func(m *snapshot.Manifest) bool {
		return retention.SeriesOf(m) == retention.SeriesOf(p.Manifest) && slices.Equal(m.Paths, p.Paths)
	})
	s.Newest = append(s.Newest, p.Manifest)
}

// ForgetLine returns the command line that forgets all versions but the newest ones. If there
// are no others, it forgets these.
func (s Silence) ForgetLine() string {
	if s.Versions == len(s.Newest) {
		line := "qsnap forget"
		for _, m := range s.Newest {
			line += " " + m.ID.Short()
		}
		return line
	}
	line := "qsnap forget --host " + quoted(s.Hostname)
	if !s.Installation.IsZero() {
		line += " --installation " + s.Installation.String()
	}
	return line + " --keep-last 1 --keep-extra 0"
}

// String says who is silent, and since when.
func (s Silence) String() string {
	who := "host " + s.Hostname
	if !s.Installation.IsZero() {
		who = fmt.Sprintf("installation %s of %s", s.Installation, who)
	}
	return who + " made no version since " + s.Last.Format(time.DateTime)
}

// quoted returns a word as a shell reads it.
func quoted(word string) string {
	isPlain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,", r)
	}
	if word != "" && word[0] != '-' && !strings.ContainsFunc(word, func(r rune) bool { return !isPlain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
