package series

import (
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

var (
	epoch  = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	one    = snapshot.Installation{1}
	cloned = snapshot.Installation{2}
)

// A fleet is the versions of all hosts in one repository.
type fleet struct {
	versions []*snapshot.Manifest
	numbers  map[string]uint64
}

// takes adds a version of /srv that a host makes at a time.
func (f *fleet) takes(host, profile string, i snapshot.Installation, at time.Time) *snapshot.Manifest {
	if f.numbers == nil {
		f.numbers = map[string]uint64{}
	}
	f.numbers[host]++
	m := &snapshot.Manifest{Hostname: host, Paths: []string{"/srv"}, Number: f.numbers[host], Start: at, End: at.Add(time.Minute)}
	m.Job = snapshot.Job{Profile: profile, Installation: i}
	if profile != "" {
		m.Job.Slot = at.Truncate(time.Hour)
	}
	binary.BigEndian.PutUint32(m.ID[:], uint32(len(f.versions)+1))
	f.versions = append(f.versions, m)
	return m
}

// keeps applies the policy of a profile, and returns how many versions and slots stay.
func (f *fleet) keeps(profile retention.Grouping, p retention.Policy, now time.Time) (versions int, slots map[string]int) {
	slots = map[string]int{}
	var left []*snapshot.Manifest
	for _, g := range profile.Group(f.versions) {
		for _, d := range p.Decide(g.Snapshots, now) {
			if d.Keep {
				left = append(left, d.Manifest)
				slots[fmt.Sprint(d.Manifest.Hostname, d.Manifest.Job.Installation[0])]++
			}
		}
	}
	f.versions = left
	return len(left), slots
}

var byProfile = retention.Grouping{AnyPaths: true, Profile: true}

func TestTwoHostsWithOneFileKeepTheirSlotsEach(t *testing.T) {
	var f fleet
	for hour := range 100 {
		at := epoch.Add(time.Duration(hour) * time.Hour)
		f.takes("web", "app", one, at)
		f.takes("db", "app", cloned, at.Add(time.Minute))
		if n, slots := f.keeps(byProfile, retention.Policy{KeepLast: 72}, at.Add(time.Hour)); slots["web1"] != min(hour+1, 72) || slots["db2"] != min(hour+1, 72) {
			t.Fatalf("hour %d: %d versions, %v", hour, n, slots)
		}
	}
}

func TestAClonedMachineIsNoticedAndHasSlotsOfItsOwn(t *testing.T) {
	var f fleet
	for hour := range 100 {
		f.takes("web", "app", one, epoch.Add(time.Duration(hour)*time.Hour))
	}
	mine := retention.Series{Hostname: "web", Profile: "app", Installation: one}
	now := epoch.Add(101 * time.Hour)
	f.takes("web", "night", cloned, now)
	f.takes("db", "app", cloned, now)
	f.takes("web", "app", snapshot.Installation{}, now) // by a program that knows no installation
	if others := Others(f.versions, mine, now); others != nil {
		t.Errorf("others are %+v", others)
	}
	for hour := range 100 {
		at := now.Add(time.Duration(hour) * time.Hour)
		f.takes("web", "app", one, at)
		f.takes("web", "app", cloned, at)
	}
	now = now.AddDate(0, 0, 5)
	others := Others(f.versions, mine, now)
	if len(others) != 1 || others[0].Installation != cloned || others[0].Versions != 100 || !others[0].Last.Equal(epoch.Add(200*time.Hour+time.Minute)) || !others[0].First.Equal(epoch.Add(101*time.Hour+time.Minute)) {
		t.Errorf("others are %+v", others)
	}
	mine.Installation = cloned
	if others := Others(f.versions, mine, now); len(others) != 1 || others[0].Installation != one {
		t.Errorf("those of the clone are %+v", others)
	}
	if _, slots := f.keeps(byProfile, retention.Policy{KeepLast: 72, KeepExtra: new(0)}, now); slots["web1"] != 72 || slots["web2"] != 73 {
		t.Errorf("slots %v", slots) // one of the clone is of another profile
	}
}

func TestAContainerWithANewNameEachHourIsNamedWhenItIsSilent(t *testing.T) {
	var f fleet
	now := epoch
	for hour := range 40 * 24 {
		f.takes(fmt.Sprintf("c%04d", hour), "app", snapshot.Installation{byte(hour), byte(hour >> 8), 1}, now)
		now = now.Add(time.Hour)
	}
	f.takes("web", "app", one, now)
	if n, _ := f.keeps(byProfile, retention.Policy{KeepLast: 72}, now.Add(time.Hour)); n != 40*24+1 {
		t.Fatalf("%d versions stay: a host's runs forgot those of others", n)
	}
	silent := Silent(f.versions, now.Add(time.Hour), SilentAfter)
	if len(silent) != 241 {
		t.Fatalf("%d hosts are silent", len(silent))
	}
	if s := silent[0]; s.Hostname != "c0000" || s.Versions != 1 || s.ForgetLine() != "qsnap forget 00000001" || s.String() != "host c0000 made no version since 2026-03-01 00:01:00" {
		t.Errorf("%+v, %s, %s", s, s, s.ForgetLine())
	}
}

func TestAHostIsSilentIfNobodyMakesVersionsForIt(t *testing.T) {
	var f fleet
	long, now := epoch, epoch.AddDate(0, 0, 40)
	f.takes("web", "", snapshot.Installation{}, long.AddDate(0, 0, -9))
	for hour := range 3 {
		f.takes("web", "app", one, long.Add(time.Duration(hour)*time.Hour))
		f.takes("it's", "app", one, long.Add(time.Duration(hour)*time.Minute))
	}
	f.takes("web", "app", cloned, now.Add(-time.Hour))
	ahead := f.takes("ahead", "app", one, long)
	ahead.End = now.AddDate(1, 0, 0)
	trial := f.takes("it's", "app", one, now.Add(-time.Hour))
	trial.Kind = snapshot.KindTrial
	var got []string
	for _, s := range Silent(f.versions, now, SilentAfter) {
		got = append(got, fmt.Sprintf("%s %d: %s", s.Hostname, s.Versions, s.ForgetLine()))
	}
	want := []string{
		`it's 3: qsnap forget --host 'it'\''s' --keep-last 1 --keep-extra 0`,
		`web 3: qsnap forget --host web --installation 01000000000000000000000000000000 --keep-last 1 --keep-extra 0`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("silent are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := Silent(f.versions, now, 41*24*time.Hour); s != nil {
		t.Errorf("silent for longer are %+v", s)
	}
}

func TestALineIsReadByAShellAsItWasMeant(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	for _, host := range []string{"web", "it's", "a b", "$(x)", "", "-h", "ü\xff", "a\nb", `\`, "~", "#", "a;b"} {
		out, err := exec.Command(sh, "-c", "printf %s "+quoted(host)).Output()
		if err != nil || string(out) != host {
			t.Errorf("%q is read as %q, %v", host, out, err)
		}
	}
}
