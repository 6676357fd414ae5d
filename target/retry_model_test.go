package target_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/target"
)

// Against a model: whatever the line does, each operation ends as if nothing had
// gone wrong, or as if it had been done before.
func TestOverABadLineATargetIsAsOverAGoodOne(t *testing.T) {
	for seed := range uint64(300) {
		l := newLine(seed, 0.4)
		r, random := retry(l), rand.New(rand.NewPCG(seed, 3))
		model := map[string]string{}
		for step := range 60 {
			name, ops := fmt.Sprintf("n/%d", random.IntN(6)), l.Ops()
			was, there := model[name]
			var err error
			var what string
			ok := false
			repeated := func() bool { return l.Ops() > ops+1 }
			switch random.IntN(5) {
			case 0, 1:
				what = "put"
				body := strings.Repeat(fmt.Sprint(random.IntN(3)), 40*random.IntN(10))
				err = put(r, name, body)
				ok = err == nil && (!there || repeated() && was == body) || errors.Is(err, fs.ErrExist) && there
				if err == nil {
					model[name] = body
				}
			case 2:
				what = "delete"
				err = r.Delete(t.Context(), name)
				ok = err == nil && (there || repeated()) || errors.Is(err, fs.ErrNotExist) && !there
				delete(model, name)
			case 3:
				what = "get"
				var got string
				got, err = get(r, name, 0, -1)
				ok = err == nil && there && got == was || errors.Is(err, fs.ErrNotExist) && !there
			case 4:
				what = "stat"
				var info target.Info
				info, err = r.Stat(t.Context(), name)
				ok = err == nil && there && info == target.Info{Name: name, Size: int64(len(was))} || errors.Is(err, fs.ErrNotExist) && !there
			}
			if !ok {
				t.Fatalf("seed %d, step %d: %s of %s, which is there: %v: %v", seed, step, what, name, there, err)
			}
		}
		for name, b := range l.Objects() {
			if model[name] != string(b) {
				t.Fatalf("seed %d: %s is %q, want %q", seed, name, b, model[name])
			}
		}
		if len(model) != len(l.Objects()) {
			t.Fatalf("seed %d: %d objects, want %d", seed, len(l.Objects()), len(model))
		}
	}
}

func TestOverABadLineOneOfRacingPutsWins(t *testing.T) {
	for seed := range uint64(300) {
		l := newLine(seed, 0.5)
		r := retry(l)
		const racers = 4
		var wins []string
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range racers {
			all.Go(func() {
				body := strings.Repeat(fmt.Sprint(i), 300)
				err := put(r, "a", body)
				if err != nil && !errors.Is(err, fs.ErrExist) {
					t.Errorf("seed %d: %v", seed, err)
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					wins = append(wins, body)
				}
			})
		}
		all.Wait()
		if len(wins) != 1 || wins[0] != string(l.Objects()["a"]) {
			t.Fatalf("seed %d: %d puts won; stored is %q", seed, len(wins), l.Objects()["a"])
		}
	}
}
