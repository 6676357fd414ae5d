package governor

import (
	"testing"
	"time"
)

// aSecondOf returns looks over a second in which a disk was busy all the time, for requests of
// this process and of others.
func aSecondOf(own, ownRequest, others, othersRequest int64) *looks {
	var l looks
	start := time.Unix(1, 0)
	for n := range int64(4) {
		l.add(start.Add(time.Duration(n)*time.Second/3), load{
			disk: n * (own + others) / 3, requests: n * (own/ownRequest + others/othersRequest) / 3,
			diskTime: time.Duration(n) * time.Second / 3,
		}, use{io: n * own / 3})
	}
	return &l
}

func TestTheDiskWorksForOthersOnlyIfTheyMoveSomething(t *testing.T) {
	for _, of := range []struct {
		name        string
		looks       *looks
		least, most float64
	}{
		{"alone with large requests", aSecondOf(100<<20, 1<<20, 0, 1), 0, 0},
		{"alone with small requests", aSecondOf(1<<20, 4<<10, 0, 1), 0, 0},
		{"beside large requests of others", aSecondOf(50<<20, 256<<10, 50<<20, 256<<10), 0.4, 0.6},
		{"beside small requests of others", aSecondOf(50<<20, 256<<10, 2<<20, 4<<10), 0.5, 1},
		{"beside others alone", aSecondOf(0, 1, 2<<20, 4<<10), 1, 1},
	} {
		if got := of.looks.othersOfDisk(); got < of.least || got > of.most {
			t.Errorf("%s: %.2f of the disk's time is for others, want %.2f to %.2f", of.name, got, of.least, of.most)
		}
	}
}

func TestWhatIsWrittenBackLaterIsNotWorkForOthers(t *testing.T) {
	var l looks
	start := time.Unix(1, 0)
	l.add(start, load{}, use{})
	l.add(start.Add(100*time.Millisecond), load{}, use{io: 8 << 20}) // given to the system
	for n := range int64(3) {
		l.add(start.Add(time.Duration(2+n)*100*time.Millisecond), load{
			disk: (n + 1) * 2 << 20, requests: (n + 1) * 8, diskTime: time.Duration(n+1) * 100 * time.Millisecond,
		}, use{io: 8 << 20})
	}
	if got := l.othersOfDisk(); got > 0 {
		t.Errorf("%.2f of the disk's time is for others", got)
	}
	for n := range int64(4) { // a minute later somebody else writes
		l.add(start.Add(time.Minute+time.Duration(n)*100*time.Millisecond), load{
			disk: 6<<20 + n*2<<20, requests: 24 + n*8, diskTime: time.Duration(3+n) * 100 * time.Millisecond,
		}, use{io: 8 << 20})
	}
	if got := l.othersOfDisk(); got < 0.9 {
		t.Errorf("only %.2f of the disk's time is for others", got)
	}
}
