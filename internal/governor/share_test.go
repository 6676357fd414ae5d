package governor

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func waiting(user int) peer {
	return peer{user, demand{CPU: 0.5, IO: 0.5, MoreCPU: true, MoreIO: true}}
}
func idle(user int) peer { return peer{user, demand{}} }

func partBeside(user int, own float64, peers ...peer) float64 {
	return partOf(user, own, peers, func(d demand) float64 { return modest(d.CPU, d.MoreCPU) })
}

func TestABudgetIsDividedAmongUsersAndThenAmongTheirRuns(t *testing.T) {
	for _, of := range []struct {
		name  string
		peers []peer
		want  float64
	}{
		{"alone", nil, 1},
		{"beside one of the same user", []peer{waiting(1)}, 1. / 2},
		{"beside three of the same user", []peer{waiting(1), waiting(1), waiting(1)}, 1. / 4},
		{"beside three of another user", []peer{waiting(2), waiting(2), waiting(2)}, 1. / 2},
		{"beside one of its own and of two others", []peer{waiting(1), waiting(2), waiting(3)}, 1. / 6},
		{"beside one that needs nothing", []peer{idle(1)}, 0.98},
		{"beside one that needs a tenth", []peer{{1, demand{CPU: 0.1}}}, 1 - 0.145},
	} {
		if got := partBeside(1, 1, of.peers...); math.Abs(got-of.want) > 1e-9 {
			t.Errorf("%s it gets %.4f of the budget, want %.4f", of.name, got, of.want)
		}
	}
}

func TestPartsOfABudgetAreNotMoreThanTheBudget(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		asked := make([]float64, 1+random.IntN(8))
		for i := range asked {
			asked[i] = float64(random.IntN(5)) / 4
		}
		sum, all := 0.0, 0.0
		for i := range asked {
			asked[0], asked[i] = asked[i], asked[0]
			part := fair(asked, 1)
			if part > asked[0] {
				t.Fatalf("%v: more than it asked for: %v", asked, part)
			}
			sum, all = sum+part, all+asked[0]
			asked[0], asked[i] = asked[i], asked[0]
		}
		if sum > 1+1e-9 || sum < min(all, 1)-1e-9 {
			t.Fatalf("%v: the parts add up to %v", asked, sum)
		}
	}
}

func TestTheLineOfARunIsReadAsItWasWritten(t *testing.T) {
	for _, d := range []demand{{}, {CPU: 1, IO: 0.25, MoreCPU: true}, {MoreIO: true}, {IO: 0.1234}} {
		if got, ok := readDemand(bytes.NewReader(d.line())); !ok || got != d {
			t.Errorf("%+v was read as %+v, %v", d, got, ok)
		}
		if n := len(d.line()); n != len(demand{}.line()) || n > maxLine {
			t.Errorf("the line %q has another length", d.line())
		}
	}
	if got := string(demand{CPU: 0.052, IO: 0.1, MoreCPU: true}.line()); got != "0.0520 0.1000 true  false\n" {
		t.Errorf("the line is %q", got)
	}
}

func TestALineThatNoRunWritesCountsForNothing(t *testing.T) {
	for _, line := range []string{
		"", "0.1 0.1 true false", "0.1 0.1 true\n", "0.1 x true false\n", "0.1 0.1 yes false\n",
		strings.Repeat("0", 100) + " 0 true true\n",
	} {
		if d, ok := readDemand(strings.NewReader(line)); ok {
			t.Errorf("%q was read as %+v", line, d)
		}
	}
}

func FuzzReadDemand(f *testing.F) {
	f.Add([]byte("0.0520 0.1000 true  false\n"))
	f.Add([]byte("NaN -1 true true\n"))
	f.Add([]byte("Inf 1e300 false false\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		d, ok := readDemand(bytes.NewReader(line))
		if !ok {
			return
		}
		for _, x := range []float64{d.CPU, d.IO} {
			if !(x >= 0 && x <= 1) {
				t.Fatalf("%q is no ratio: %+v", line, d)
			}
		}
	})
}
