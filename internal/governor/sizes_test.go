package governor

import (
	"strings"
	"testing"
	"time"
)

func TestABudgetDecidesHowMuchIsDoneAtOnce(t *testing.T) {
	for _, of := range []struct {
		name   string
		limits Limits
		memory int64
		cpus   float64
		want   Sizes
	}{
		{"the default on two processors", DefaultLimits, DefaultMemory, 2, Sizes{1, 16 << 20, 1, DefaultMemory}},
		{"the default on 64", DefaultLimits, DefaultMemory, 64, Sizes{7, 16 << 20, 7, DefaultMemory}},
		{"yield on 64", Limits{Yield, 0.1, 0.3}, DefaultMemory, 64, Sizes{7, 16 << 20, 0, DefaultMemory}},
		{"no limits", Limits{Mode: Off}, 0, 4, Sizes{4, 16 << 20, 0, 0}},
		{"hardly any memory", Limits{Mode: Off}, 1 << 20, 4, Sizes{1, 2 << 20, 0, 1 << 20}},
		{"half a processor", DefaultLimits, 64 << 20, 0.5, Sizes{1, 4 << 20, 1, 64 << 20}},
	} {
		if got := sizesFor(of.limits, of.memory, of.cpus); got != of.want {
			t.Errorf("%s: %+v, want %+v", of.name, got, of.want)
		}
	}
}

func TestARunThatWouldOutlastItsIntervalSaysSoWithTheNumbers(t *testing.T) {
	always := Limits{Always, 0.10, 0.30}
	for _, of := range []struct {
		name   string
		need   Need
		limits Limits
		want   string
	}{
		{"fits", Need{700 * time.Second, 1 << 30}, always, ""},
		{"needs more of the processors", Need{CPU: 900 * time.Second}, always,
			"a run needs 15m0s of processor time: with 10% of 2 processors it takes 1h15m0s, and the schedule has one every 1h0m0s: raise limits.cpu to 13%, or use the mode yield"},
		{"needs more of the disk", Need{IO: 216000 << 20}, always,
			"a run needs 216000 MiB of I/O: with 30% of 100 MiB/s it takes 2h0m0s, and the schedule has one every 1h0m0s: raise limits.io to 60%, or use the mode yield"},
		{"can't fit", Need{CPU: 3 * time.Hour}, always, "make the interval longer"},
		{"has all processors", Need{CPU: 900 * time.Second}, Limits{Yield, 0.1, 0.3}, ""},
		{"has all processors and can't fit", Need{CPU: 3 * time.Hour}, Limits{Yield, 0.1, 0.3}, "may use the whole machine"},
	} {
		err := of.need.Overlong(of.limits, 2, 100<<20, time.Hour)
		if of.want == "" && err != nil || of.want != "" && (err == nil || !strings.Contains(err.Error(), of.want)) {
			t.Errorf("a run that %s: %v, want %q", of.name, err, of.want)
		}
	}
}

func TestWhatASystemCannotHoldIsRefused(t *testing.T) {
	for _, of := range []struct {
		system string
		limits Limits
		want   string
	}{
		{"linux", DefaultLimits, ""},
		{"linux", Limits{Yield, 0.1, 0.3}, ""},
		{"windows", DefaultLimits, ""},
		{"windows", Limits{Yield, 0.1, 0.3}, "limits.mode yield can't be held on windows"},
		{"darwin", DefaultLimits, "limits.io can't be held on darwin"},
		{"darwin", Limits{Always, 0.1, 1}, ""},
		{"darwin", Limits{Mode: Off}, ""},
		{"linux", Limits{Mode: "sometimes"}, "must be always, yield or off"},
	} {
		err := refuse(of.limits, of.system)
		if of.want == "" && err != nil || of.want != "" && (err == nil || !strings.Contains(err.Error(), of.want)) {
			t.Errorf("%+v on %s: %v, want %q", of.limits, of.system, err, of.want)
		}
	}
}
