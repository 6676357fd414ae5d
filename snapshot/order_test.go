package snapshot

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// taken returns a snapshot of a source that is told apart by its host.
func taken(host string, number uint64, end time.Time) *Manifest {
	m := &Manifest{Hostname: host, Paths: []string{"/srv"}, Number: number, End: end}
	binary.BigEndian.PutUint32(m.ID[:], uint32(number))
	copy(m.ID[4:], host)
	return m
}

// history reads lines of a number, a time and a mark: a host or a kind.
func history(t *testing.T, text string) (out []*Manifest) {
	t.Helper()
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		number, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		end, err := time.Parse("2006-01-02T15:04", fields[1])
		if err != nil {
			t.Fatal(err)
		}
		m := taken("a", number, end)
		switch mark := strings.Join(fields[2:], " "); mark {
		case "":
		case KindImported.String():
			m.Kind = KindImported
		default:
			m.Hostname = mark
		}
		out = append(out, m)
	}
	return out
}

// order returns the numbers of snapshots, the oldest first.
func order(ms []*Manifest, now time.Time) []uint64 {
	var out []uint64
	for _, p := range Order(ms, now) {
		out = append(out, p.Number)
	}
	return out
}

func TestTheNewestIsThatOfTheHighestNumberWhateverTheClockSaid(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		what, history string
		want          []uint64 // numbers, the oldest first
	}{
		{"a clock twenty years ahead", "1 2046-11-20T10:00\n2 2026-11-20T11:00", []uint64{1, 2}},
		{"a clock that begins in 1970", "1 2026-11-20T11:00\n2 1970-01-01T00:00", []uint64{1, 2}},
		{"another source, from the future", "1 2026-11-20T10:00\n2 2026-11-20T11:00\n9 2046-11-20T11:00 b", []uint64{9, 1, 2}},
		{"sources go by the end", "1 2026-11-20T10:00\n2 2026-11-20T12:00\n9 2026-11-20T11:00 b", []uint64{1, 9, 2}},
		{"a wrong stamp in one doesn't move the other", "1 2026-11-20T10:00\n2 2046-11-20T12:00\n3 2026-11-20T12:00\n9 2026-11-20T11:00 b", []uint64{1, 2, 9, 3}},
		{"all from the future", "1 2047-11-20T10:00\n2 2046-11-20T12:00\n9 2046-11-20T11:00 b", []uint64{9, 1, 2}},
		{"an imported chain beside it", "1 2026-11-20T10:00\n9 2026-11-20T11:00 imported\n2 2026-11-20T12:00", []uint64{1, 9, 2}},
	} {
		group := history(t, c.history)
		for range 2 {
			if got := order(group, now); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", c.what, got, c.want)
			}
			slices.Reverse(group)
		}
		if m := Newest(group, now); m.Number != c.want[len(c.want)-1] {
			t.Errorf("%s: the newest is %d", c.what, m.Number)
		}
	}
	if Newest(nil, now) != nil {
		t.Error("there is a newest of none")
	}
}

func TestOneThatWasMadeFromAnotherComesAfterIt(t *testing.T) {
	a, b := taken("a", 1, epoch), taken("a", 1, epoch)
	a.Original = ID{9}
	b.ID[31] = 1
	if m := Newest([]*Manifest{a, b}, epoch); m != a {
		t.Error("the newest is the one that another was made from")
	}
}

func TestTheStateAtATimeIsTheNewestThatHadEnded(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	group := history(t, `
		1 2026-11-20T10:00
		2 2046-11-20T10:00
		3 2026-11-20T12:00
		4 1970-01-01T00:00
		5 2026-11-20T13:00
		9 2026-11-20T11:00 b`)
	for at, want := range map[string]uint64{
		"2026-11-20T09:59": 0, "2026-11-20T10:00": 1, "2026-11-20T10:01": 2, "2026-11-20T11:00": 9, "2026-11-20T11:59": 9, "2026-11-20T12:00": 3, "2026-11-20T12:01": 4,
		"2026-11-20T13:00": 5, "2030-01-01T00:00": 5,
		"2046-11-20T10:00": 2, "1970-01-01T00:00": 4, // the times that are shown for these
	} {
		moment, err := time.Parse("2006-01-02T15:04", at)
		if err != nil {
			t.Fatal(err)
		}
		var got uint64
		if m := At(Order(group, now), moment); m != nil {
			got = m.Number
		}
		if got != want {
			t.Errorf("at %s: %d, want %d", at, got, want)
		}
	}
	// To the nanosecond where stamps can be trusted.
	group[0].End = group[0].End.Add(time.Millisecond)
	if m := At(Order(group[:1], now), group[0].End.Add(-1)); m != nil {
		t.Error("one that hadn't ended yet")
	}
}
