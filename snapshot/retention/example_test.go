package retention_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/snapshot/retention"
)

func ExamplePolicy_Decide() {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var all []*snapshot.Manifest
	for i, age := range []time.Duration{50 * time.Hour, 27 * time.Hour, 26 * time.Hour, 2 * time.Hour, time.Hour, 0} {
		m := &snapshot.Manifest{ID: snapshot.ID{byte(i + 1)}, Hostname: "web1", Paths: []string{"/srv/app"}, Number: uint64(i + 1), End: noon.Add(-age)}
		all = append(all, m)
	}
	all[1].Tags = []string{"release"}
	all[5].End = noon.AddDate(-10, 0, 0) // the clock was wrong

	p := retention.Policy{KeepLast: 2, KeepDaily: 2, KeepTags: []string{"release"}, Location: time.UTC}
	for _, group := range (retention.Grouping{}).Group(all) {
		for _, d := range p.Decide(group.Snapshots, noon) {
			if d.Keep {
				fmt.Printf("%d: %s\n", d.Manifest.Number, strings.Join(d.Reasons, ", "))
			}
		}
	}
	// Output:
	// 6: last 2, dated out of order, kept with 05000000
	// 5: last 2, daily 2026-11-20, witness to times that are wrong
	// 3: daily 2026-11-19
	// 2: tag release
}

// Runs beside the schedule belong to a slot of it, and push no other slot out.
func ExamplePolicy_Decide_slots() {
	begin := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	var all []*snapshot.Manifest
	for i, minute := range []int{1, 61, 121, 130, 140, 150} { // at 11:00 there were three more by hand
		slot := begin.Add(time.Duration(minute) * time.Minute).Truncate(time.Hour)
		all = append(all, &snapshot.Manifest{
			ID: snapshot.ID{byte(i + 1)}, Hostname: "web1", Paths: []string{"/srv/app"}, Number: uint64(i + 1),
			End: begin.Add(time.Duration(minute) * time.Minute), Job: snapshot.Job{Profile: "app", Slot: slot},
		})
	}
	p := retention.Policy{KeepLast: 3, KeepExtra: new(1), Location: time.UTC}
	for _, d := range p.Decide(all, begin.Add(4*time.Hour)) {
		fmt.Printf("%d: kept is %t %q\n", d.Manifest.Number, d.Keep, d.Reasons)
	}
	// Output:
	// 6: kept is true ["last 3 (slot 2026-11-20 11:00)"]
	// 5: kept is true ["extra 1"]
	// 4: kept is false []
	// 3: kept is false []
	// 2: kept is true ["last 3 (slot 2026-11-20 10:00)"]
	// 1: kept is true ["last 3 (slot 2026-11-20 09:00)"]
}

func ExampleParseSpan() {
	span, err := retention.ParseSpan("1m12h")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(span.Before(time.Date(2026, 3, 30, 12, 0, 0, 0, time.UTC)).Format(time.DateTime))
	// Output: 2026-03-02 00:00:00
}
