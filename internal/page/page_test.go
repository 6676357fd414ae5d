package page

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/qsnap/qsnap/repo/report"
)

// hostile are names that other people might have chosen.
var hostile = []string{
	`<img src=http://evil.invalid/a onerror="console.error('owned')">`, `"><script>fetch('http://evil.invalid/b')</script>`,
	"\u202Eterces\u202C", "two\nlines\r\n", "\xff\xfe not UTF-8", "]]>--></style></svg><svg onload=alert(1)>", "url(http://evil.invalid/c)",
	"javascript:alert(1)", "&lt;already&gt;", "{{.Style}}", "\x00\x1b[2J", strings.Repeat("long", 500), "שלום עולם", "",
}

// haunted is a report all of whose texts are hostile.
func haunted() report.HostReport {
	r := bothered()
	next := 0
	name := func() string { next++; return hostile[next%len(hostile)] }
	texts := func(n int) (list []string) {
		for range n {
			list = append(list, name())
		}
		return list
	}
	r.Host, r.Summary, r.Attention, r.Unreadable = name(), name(), texts(20), texts(20)
	for i := range r.Profiles {
		p := &r.Profiles[i]
		p.Profile, p.Repository, p.Schedule, p.Summary, p.Cause = name(), name(), name(), name(), name()
		p.State = report.State(name())
		for j := range p.Slots {
			p.Slots[j].Cause = name()
			if j%5 == 0 {
				p.Slots[j].State = report.SlotState(name())
			}
		}
	}
	for i := range r.Repositories {
		r.Repositories[i].Location, r.Repositories[i].Profiles = name(), texts(3)
	}
	for _, p := range []*report.Promise{&r.Restores.Success, &r.Proofs, &r.Drills} {
		for range hostile {
			p.Causes = append(p.Causes, report.Reason{Text: name(), Count: 1})
		}
	}
	return r
}

func page(t *testing.T, r report.HostReport) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements are those that a page is made of. None of them runs or fetches anything.
var elements = strings.Fields(`html head meta link title style body header main footer section figure figcaption details summary
	div p span b bdi h1 h2 h3 ul li svg g rect circle line path text`)

// foreign returns the elements and attributes of a page that could run or fetch something.
func foreign(t *testing.T, page string) (found []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if !slices.Contains(elements, n.Data) {
			found = append(found, "<"+n.Data+">")
		}
		for _, a := range n.Attr {
			isIcon := n.Data == "link" && a.Key == "href" && a.Val == "data:,"
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" || a.Key == "href" && !isIcon {
				found = append(found, a.Key+"="+a.Val)
			}
		}
	}
	return found
}

func TestNoNameBecomesPartOfThePage(t *testing.T) {
	for name, r := range map[string]report.HostReport{"well": well(), "bothered": bothered(), "haunted": haunted()} {
		b := page(t, r)
		if found := foreign(t, b); found != nil {
			t.Errorf("%s: %q", name, found)
		}
		if !utf8.ValidString(b) {
			t.Errorf("%s is not UTF-8", name)
		}
		for _, c := range []string{"\u202E", "\x00", "\x1b", "\xff"} {
			if strings.Contains(b, c) {
				t.Errorf("%s has a bare %q", name, c)
			}
		}
	}
	if found := foreign(t, `<p onclick="x"><img src="y"><a href="z">`); len(found) != 5 {
		t.Errorf("%q", found)
	}
}

func TestAPageShowsAllProfilesRepositoriesAndStates(t *testing.T) {
	r := bothered()
	b := page(t, r)
	for _, want := range []string{
		"2 of 3 profiles need attention", "the disk of /backup/app will be full in 9 d", ">web<", ">mail<", ">app<", "56 good, 1 incomplete, 5 failed, 3 missed, 1 forgotten",
		"Mon 2026-11-30 10:00 – 14:00: 5 slots failed: no space left on device", "31:40 late", "/srv/web/uploads is missing", "12 over budget", "164 of 168; goal 99.9\u00a0%",
		"97.6\u00a0% saved against full copies; the goal is 60.0\u00a0%", "deduplication 95.5\u00a0%, compression 48.0\u00a0% of the rest", "full on <b>9 December 2026</b>", "checksum mismatch", "qsnap 1.2.3",
		"first file after 2.00 s, done after 3:20 min", "running now", "good, but started late",
	} {
		if !strings.Contains(b, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(b, "NaN") || strings.Contains(b, "%!") {
		t.Error("a number is none")
	}
	if again := page(t, r); again != b {
		t.Error("the same report makes another page")
	}
	if len(b) > 300<<10 {
		t.Errorf("%d bytes", len(b))
	}
}

func TestAHostWithoutAnythingHasAPage(t *testing.T) {
	empty := report.HostReport{Time: now, Since: now, Host: "web1", Good: true, Summary: "There are no profiles."}
	odd := well() // numbers that no report should have
	odd.Repositories[0].Sizes = odd.Repositories[0].Sizes[:2]
	odd.Repositories[0].Sizes[1].Time = odd.Repositories[0].Sizes[0].Time
	odd.Repositories[0].Stored, odd.Repositories[0].FullBytes = 100, 1
	odd.Profiles[0].Cost = &report.CostReport{}
	odd.Profiles[0].OnTime = report.Promise{Of: -1, Ratio: -3}
	for _, r := range []report.HostReport{empty, odd} {
		if b := page(t, r); !strings.Contains(b, r.Summary) || strings.Contains(b, "NaN") || strings.Contains(b, "Inf") || strings.Contains(b, `="-`) {
			t.Errorf("%s", b)
		}
	}
}
