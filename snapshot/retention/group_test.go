package retention

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/snapshot"
)

func TestGroupsAreAlikeInWhatTheyAreGroupedBy(t *testing.T) {
	ms := []*snapshot.Manifest{
		{Number: 1, Hostname: "web1", Paths: []string{"/srv"}},
		{Number: 2, Hostname: "db", Paths: []string{"/var", "/etc"}, Tags: []string{"b", "a"}},
		{Number: 3, Hostname: "web1", Paths: []string{"/srv"}, Tags: []string{"a", "b", "a"}},
		{Number: 4, Hostname: "web1", Paths: []string{"/var", "/etc"}},
		{Number: 5, Hostname: "web1", Paths: []string{"/var /etc"}},
	}
	for by, want := range map[string]string{
		"":                "[] []: 1 2 3 4 5",
		"host":            "db [] []: 2|web1 [] []: 1 3 4 5",
		"paths":           "[/srv] []: 1 3|[/var /etc] []: 2 4|[/var /etc] []: 5",
		"tags":            "[] []: 1 4 5|[] [a b]: 2 3",
		"host,paths":      "db [/var /etc] []: 2|web1 [/srv] []: 1 3|web1 [/var /etc] []: 4|web1 [/var /etc] []: 5",
		"tags,paths,host": "db [/var /etc] [a b]: 2|web1 [/srv] []: 1|web1 [/srv] [a b]: 3|web1 [/var /etc] []: 4|web1 [/var /etc] []: 5",
	} {
		g, err := ParseGrouping(by)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, group := range g.Group(ms) {
			s := strings.TrimSpace(fmt.Sprint(group.Hostname, " ", group.Paths, " ", group.Tags)) + ":"
			for _, m := range group.Snapshots {
				s += fmt.Sprintf(" %d", m.Number)
			}
			got = append(got, s)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("by %q:\n%s, want\n%s", by, strings.Join(got, "|"), want)
		}
	}
	if g := (Grouping{}).Group(nil); len(g) != 0 {
		t.Errorf("nothing is %d groups", len(g))
	}
	if fmt.Sprint(ms[1].Tags) != "[b a]" {
		t.Error("grouping sorted the tags of a manifest")
	}
}

func TestAProfileIsAGroupWithWhatCountsAsItsOwn(t *testing.T) {
	of := func(n uint64, host, profile string, paths ...string) *snapshot.Manifest {
		return &snapshot.Manifest{Number: n, Hostname: host, Paths: paths, Job: snapshot.Job{Profile: profile}}
	}
	ms := []*snapshot.Manifest{
		of(1, "web", "app", "/srv"), of(2, "web", "app", "/srv", "/etc"), // its paths have changed
		of(3, "web", "", "/srv"), of(4, "db", "", "/srv"), of(5, "web", "", "/home"), of(6, "web", "", "/var"),
		of(7, "db", "app", "/db"),
		of(8, "web", "hourly", "/two"), of(9, "web", "nightly", "/two"), of(10, "web", "", "/two"), of(11, "web", "hourly", "/two"),
		of(12, "web", "", "/srv", "/etc"), of(13, "web", "", "/etc", "/srv"), of(14, "web", "", "/srv, /etc"),
	}
	for by, want := range map[string]string{
		"host,profile": "db  [/srv]: 4|db app []: 7|web  [/etc /srv]: 13|web  [/home]: 5|web  [/srv, /etc]: 14|web  [/two]: 10|web  [/var]: 6|" +
			"web app []: 1 2 3 12|web hourly []: 8 11|web nightly []: 9",
		"profile": "  [/etc /srv]: 13|  [/home]: 5|  [/srv]: 4|  [/srv, /etc]: 14|  [/two]: 10|  [/var]: 6|" +
			" app []: 1 2 3 7 12| hourly []: 8 11| nightly []: 9",
		"host,paths,profile": "db  [/srv]: 4|db app [/db]: 7|web  [/etc /srv]: 13|web  [/home]: 5|web  [/srv, /etc]: 14|web  [/two]: 10|web  [/var]: 6|" +
			"web app [/srv]: 1 3|web app [/srv /etc]: 2 12|web hourly [/two]: 8 11|web nightly [/two]: 9",
	} {
		g, err := ParseGrouping(by)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, group := range g.Group(ms) {
			s := fmt.Sprintf("%s %s %v:", group.Hostname, group.Profile, group.Paths)
			for _, m := range group.Snapshots {
				s += fmt.Sprintf(" %d", m.Number)
			}
			got = append(got, s)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("by %q:\n%s, want\n%s", by, strings.Join(got, "|"), want)
		}
	}
}

func TestGroupsComeInTheSameOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 77))
	var ms []*snapshot.Manifest
	for i := range 200 {
		ms = append(ms, &snapshot.Manifest{Hostname: fmt.Sprint(r.IntN(5)), Paths: []string{fmt.Sprint(r.IntN(5))}, Number: uint64(i)})
	}
	names := func() string {
		var out []string
		for _, g := range (Grouping{}).Group(ms) {
			out = append(out, fmt.Sprint(g.Hostname, g.Paths, len(g.Snapshots)))
		}
		return strings.Join(out, " ")
	}
	want := names()
	r.Shuffle(len(ms), func(i, j int) { ms[i], ms[j] = ms[j], ms[i] })
	if got := names(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestGroupingsThatAreNoneAreRefused(t *testing.T) {
	for _, s := range []string{",", "host,", "hosts", "host, paths", "Host", "host,host", "host;paths", " "} {
		if g, err := ParseGrouping(s); err == nil {
			t.Errorf("%q is read as %q", s, g)
		}
	}
}

func FuzzParseGrouping(f *testing.F) {
	for _, s := range []string{"", "host,paths", "tags", "host,,tags", "paths,paths", "host,profile"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseGrouping(s)
		if err != nil {
			if (g != Grouping{}) {
				t.Errorf("%q is refused, and read as %q", s, g)
			}
			return
		}
		if again, err := ParseGrouping(g.String()); err != nil || again != g {
			t.Errorf("%q is %q, which reads as %q, %v", s, g, again, err)
		}
	})
}
