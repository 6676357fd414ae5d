package retention

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
)

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// taken returns a snapshot of a source that is told by its host. It took long enough that
// it began in another hour than it ended.
func taken(host string, number uint64, end time.Time) *snapshot.Manifest {
	m := &snapshot.Manifest{Hostname: host, Paths: []string{"/srv"}, Number: number, Start: end.Add(-61 * time.Minute), End: end}
	binary.BigEndian.PutUint32(m.ID[:], uint32(number))
	copy(m.ID[4:], host)
	return m
}

// randomHistory returns snapshots of some sources, and the time it is. Their clocks
// run now well, now behind, now ahead, and now and then two numbers are equal.
func randomHistory(r *rand.Rand) ([]*snapshot.Manifest, time.Time) {
	var out []*snapshot.Manifest
	now := epoch
	for source := range 1 + r.IntN(6)/4 {
		host := string(rune('a' + source))
		t, number := epoch.Add(time.Duration(r.IntN(90))*time.Minute), uint64(100)
		var fault time.Duration
		broken := r.IntN(3) // how often
		for range r.IntN(40) {
			switch r.IntN(12) {
			case 0, 1:
				fault = 0
			case 2:
				fault = time.Duration(r.IntN(30*broken+1)) * 7 * time.Hour
			case 3, 4:
				fault = -time.Duration(r.IntN(30*broken+1)) * 7 * time.Hour
			}
			if r.IntN(15) > 0 {
				number += 10
			}
			m := taken(host, number, t.Add(fault))
			m.ID[31] = byte(len(out)) // numbers may be equal
			switch r.IntN(30) {
			case 0:
				m.Pin = &snapshot.Pin{}
			case 1:
				m.Pin = &snapshot.Pin{Until: t.Add(time.Duration(r.IntN(100)) * time.Hour)}
			case 2:
				m.Tags = []string{"release"}
			}
			out = append(out, m)
			t = t.Add(time.Duration(r.IntN(5)) * 30 * time.Minute)
			if r.IntN(8) == 0 {
				t = t.Add(time.Duration(r.IntN(200)) * time.Hour)
			}
		}
		if t.After(now) {
			now = t
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out, now
}

func randomPolicy(r *rand.Rand) Policy {
	n := func() int {
		if r.IntN(2) == 0 {
			return 0
		}
		return r.IntN(8) - 1
	}
	p := Policy{
		KeepLast: n(), KeepHourly: n(), KeepDaily: n(), KeepWeekly: n(), KeepMonthly: n(), KeepYearly: n(),
		Location: []*time.Location{time.UTC, time.FixedZone("", 9000)}[r.IntN(2)],
	}
	if r.IntN(4) == 0 {
		p.KeepWithin = Span{Days: r.IntN(4), Hours: r.IntN(40)}
	}
	if r.IntN(4) == 0 {
		p.KeepTags = []string{"release"}
	}
	return p
}

// histories calls f with many random histories and policies.
func histories(t *testing.T, n uint64, f func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy)) {
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, 72))
		group, now := randomHistory(r)
		p := randomPolicy(r)
		giveJobs(rand.New(rand.NewPCG(seed, 78)), group, &p)
		f(t, r, group, now, p)
		if t.Failed() {
			t.Fatalf("seed %d, policy %+v, now %v\n%s", seed, p, now, list(p.Decide(group, now)))
		}
	}
}

// list returns decisions as text, for failures.
func list(ds []Decision) string {
	var b strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&b, "%s %4d %s  %-5v %s | %s\n", d.Manifest.Hostname, d.Manifest.Number, d.Manifest.End.Format("2006-01-02 15:04"),
			d.Keep, d.Doubt, strings.Join(d.Reasons, "; "))
	}
	return b.String()
}

func kept(ds []Decision) []*snapshot.Manifest {
	var out []*snapshot.Manifest
	for _, d := range ds {
		if d.Keep {
			out = append(out, d.Manifest)
		}
	}
	return out
}

func byID(ds []Decision) map[snapshot.ID]Decision {
	out := map[snapshot.ID]Decision{}
	for _, d := range ds {
		out[d.Manifest.ID] = d
	}
	return out
}

// timed returns the reasons of a decision that go by its time.
func timed(d Decision) []string {
	return slices.DeleteFunc(slices.Clone(d.Reasons), func(s string) bool {
		return slices.ContainsFunc([]string{"last", "extra", "pinned", "tag ", "witness"}, func(p string) bool { return strings.HasPrefix(s, p) })
	})
}

func TestWhatIsKeptIsKeptAgain(t *testing.T) {
	thinned := 0
	histories(t, 4000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		first := p.Decide(group, now)
		left := kept(first)
		if len(left) < len(group) {
			thinned++
		}
		doubt := byID(first)
		for _, d := range p.Decide(left, now) {
			if !d.Keep {
				t.Errorf("number %d of %s goes the second time", d.Manifest.Number, d.Manifest.Hostname)
			}
			if p.hasTime(group) && d.Doubt != doubt[d.Manifest.ID].Doubt {
				t.Errorf("number %d of %s was %q, and is %q the second time", d.Manifest.Number, d.Manifest.Hostname, doubt[d.Manifest.ID].Doubt, d.Doubt)
			}
		}
	})
	if thinned < 1000 {
		t.Errorf("only %d histories lost anything", thinned)
	}
}

func TestUntrustedOnesComeAndGoWithoutEffect(t *testing.T) {
	removed := 0
	histories(t, 4000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		p.KeepLast, p.KeepExtra = 0, nil // it counts them
		if p.IsZero() {
			return
		}
		with := p.Decide(group, now)
		var rest []*snapshot.Manifest
		for _, d := range with {
			if d.Doubt == "" || r.IntN(3) == 0 {
				rest = append(rest, d.Manifest)
			} else {
				removed++
			}
		}
		before := byID(with)
		for _, d := range p.Decide(rest, now) {
			was := before[d.Manifest.ID]
			if d.Doubt != was.Doubt || !slices.Equal(timed(d), timed(was)) {
				t.Errorf("number %d of %s: with them %q %q, without %q %q", d.Manifest.Number, d.Manifest.Hostname, was.Doubt, timed(was), d.Doubt, timed(d))
			}
			if d.Keep && !was.Keep {
				t.Errorf("number %d of %s is only kept without them", d.Manifest.Number, d.Manifest.Hostname)
			}
		}
	})
	if removed < 2000 {
		t.Errorf("only %d untrusted ones", removed)
	}
}

func TestForgedOnesTakeNoPlace(t *testing.T) {
	for seed := range uint64(800) {
		r := rand.New(rand.NewPCG(seed, 73))
		var honest []*snapshot.Manifest
		at := epoch
		for i := range 20 + r.IntN(100) {
			honest = append(honest, taken("a", uint64(i+1)*1000, at))
			at = at.Add(time.Duration(1+r.IntN(300)) * time.Minute)
		}
		p := randomPolicy(r)
		p.KeepLast = 0
		all, forged := slices.Clone(honest), map[snapshot.ID]bool{}
		n := 1 + r.IntN(10)
		for i := range n {
			place := n + r.IntN(len(honest)-n) // it follows n that are newer
			start := honest[place-n].End.Add(-time.Duration(1+r.IntN(500)) * time.Hour)
			if r.IntN(2) == 0 {
				place, start = r.IntN(len(honest)), at.Add(time.Duration(1+r.IntN(1000))*time.Minute)
			}
			m := taken("a", honest[place].Number+uint64(r.IntN(1000)), start)
			m.ID[31] = byte(i + 1)
			forged[m.ID] = true
			all = append(all, m)
		}
		before, after := byID(p.Decide(honest, at)), p.Decide(all, at)
		for _, d := range after {
			was := before[d.Manifest.ID]
			switch {
			case forged[d.Manifest.ID] != (d.Doubt != ""):
				t.Errorf("number %d: forged is %v, in doubt as %q", d.Manifest.Number, forged[d.Manifest.ID], d.Doubt)
			case !forged[d.Manifest.ID] && (was.Keep && !d.Keep || !slices.Equal(timed(was), timed(d)) && !p.IsZero()):
				t.Errorf("number %d: kept for %q before, for %q with forged ones", d.Manifest.Number, was.Reasons, d.Reasons)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d, policy %+v\n%s", seed, p, list(after))
		}
	}
}

func TestMoreIsKeptOfHigherNumbers(t *testing.T) {
	histories(t, 3000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		if p.IsZero() {
			return // this keeps all
		}
		more := p
		if p.KeepExtra != nil && *p.KeepExtra >= 0 {
			more.KeepExtra = new(*p.KeepExtra + r.IntN(3))
		}
		for _, n := range []*int{&more.KeepLast, &more.KeepHourly, &more.KeepDaily, &more.KeepWeekly, &more.KeepMonthly, &more.KeepYearly} {
			if r.IntN(3) == 0 && *n >= 0 {
				*n += r.IntN(4)
				if r.IntN(8) == 0 {
					*n = -1
				}
			}
		}
		if !more.KeepWithin.IsZero() || r.IntN(4) == 0 {
			more.KeepWithin.Hours += r.IntN(50)
		}
		after := byID(more.Decide(group, now))
		for _, m := range kept(p.Decide(group, now)) {
			if !after[m.ID].Keep {
				t.Errorf("number %d of %s is not kept of %+v", m.Number, m.Hostname, more)
			}
		}
	})
}

func TestDecisionsDontDependOnTheOrderOfTheList(t *testing.T) {
	histories(t, 2000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		want := list(p.Decide(group, now))
		r.Shuffle(len(group), func(i, j int) { group[i], group[j] = group[j], group[i] })
		if got := list(p.Decide(group, now)); got != want {
			t.Errorf("another order of the list gives\n%s", got)
		}
	})
}

// TestOrderlyHistoriesAreKeptAsRestated compares with the rules told another way.
func TestOrderlyHistoriesAreKeptAsRestated(t *testing.T) {
	t.Parallel()
	histories(t, 3000, func(t *testing.T, r *rand.Rand, group []*snapshot.Manifest, now time.Time, p Policy) {
		slices.SortFunc(group, func(a, b *snapshot.Manifest) int { return a.End.Compare(b.End) })
		for i, m := range group { // one source, and a clock that is right
			*m = *taken("a", uint64(i+1), m.End)
		}
		for len(group) > 0 && group[len(group)-1].End.After(now) {
			group = group[:len(group)-1]
		}
		if p.IsZero() {
			return
		}
		want := map[snapshot.ID]bool{}
		for i, m := range group {
			newer := group[i+1:]
			at := m.End.In(p.Location)
			for _, rule := range []struct {
				n    int
				name func(time.Time) string
			}{
				{p.KeepLast, func(t time.Time) string { return "" }},
				{p.KeepHourly, func(t time.Time) string { return t.Truncate(30 * time.Minute).Format("2006-01-02 15") }},
				{p.KeepDaily, func(t time.Time) string { return t.Format("2006-01-02") }},
				{p.KeepWeekly, func(t time.Time) string {
					return t.AddDate(0, 0, -(int(t.Weekday())+6)%7).Format("2006-01-02") // its Monday
				}},
				{p.KeepMonthly, func(t time.Time) string { return t.Format("2006-01") }},
				{p.KeepYearly, func(t time.Time) string { return t.Format("2006") }},
			} {
				names, same := map[string]bool{}, false
				for j, o := range newer {
					name := rule.name(o.End.In(p.Location))
					if name == "" {
						name = fmt.Sprint(j)
					}
					same = same || name == rule.name(at)
					names[name] = true
				}
				if !same && rule.n != 0 && (rule.n < 0 || len(names) < rule.n) {
					want[m.ID] = true
				}
			}
			if s := p.KeepWithin; !s.IsZero() {
				last := group[len(group)-1].End.In(p.Location)
				if !at.Before(last.AddDate(0, 0, -s.Days).Add(-time.Duration(s.Hours) * time.Hour)) {
					want[m.ID] = true
				}
			}
		}
		got := map[snapshot.ID]bool{}
		for _, m := range kept(p.Decide(group, now)) {
			got[m.ID] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d are kept, %d should be", len(got), len(want))
		}
	})
}
