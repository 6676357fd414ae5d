package targettest_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/qsnap/qsnap/target/targettest"
)

// put starts a put of an actor, and returns where its result will be.
func put(ctx context.Context, a *targettest.Actor, name string) chan error {
	result := make(chan error, 1)
	go func() { result <- a.Put(ctx, name, strings.NewReader("abcd"), 4) }()
	return result
}

func list(t *testing.T, a *targettest.Actor, prefix string) chan []string {
	t.Helper()
	result := make(chan []string, 1)
	go func() {
		var names []string
		for info, err := range a.List(t.Context(), prefix) {
			if err != nil {
				t.Error(err)
			}
			names = append(names, info.Name)
		}
		result <- names
	}()
	return result
}

func waiting(turns *targettest.Turns) (out []string) {
	synctest.Wait()
	for _, t := range turns.Waiting() {
		out = append(out, t.Op.String())
	}
	return out
}

func TestActorsKeepTheContract(t *testing.T) {
	for name, between := range map[string]func(string) bool{"one turn": nil, "two turns": func(string) bool { return true }} {
		turns := targettest.NewTurns(&targettest.Memory{})
		turns.Between = between
		done := make(chan error)
		go func() { done <- targettest.Check(t.Context(), turns.Actor(0)) }()
		for ended := false; !ended; {
			select {
			case err := <-done:
				if ended = true; err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case <-turns.Arrived():
				for _, turn := range turns.Waiting() {
					turn.Take(targettest.None)
				}
			}
		}
	}
}

func TestOperationsHappenWhenTheirTurnIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &targettest.Memory{}
		turns := targettest.NewTurns(mem)
		turns.Free = func(op targettest.Op) bool { return op.Name == "free" }
		second, first := put(t.Context(), turns.Actor(2), "x"), put(t.Context(), turns.Actor(1), "x")
		other := put(t.Context(), turns.Actor(1), "a")
		if err := <-put(t.Context(), turns.Actor(1), "free"); err != nil {
			t.Error(err)
		}
		if got := waiting(turns); !slices.Equal(got, []string{"put a", "put x", "put x"}) || len(mem.Objects()) != 1 {
			t.Fatalf("%q wait, and %d objects are there", got, len(mem.Objects()))
		}
		out := turns.Waiting()[2].Take(targettest.None)
		if err := <-second; err != nil || out.Err != nil || out.Before != nil || string(out.After) != "abcd" {
			t.Errorf("%v, %+v", err, out)
		}
		out = turns.Waiting()[1].Take(targettest.None)
		if err := <-first; !errors.Is(err, fs.ErrExist) || !errors.Is(out.Err, fs.ErrExist) || string(out.Before) != "abcd" {
			t.Errorf("%v, %+v", err, out)
		}
		turns.Waiting()[0].Take(targettest.None)
		if err := <-other; err != nil || len(turns.Waiting()) > 0 {
			t.Errorf("%v, and %d wait", err, len(turns.Waiting()))
		}
	})
}

func TestATakenTurnHasItsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for fault, want := range map[targettest.Fault]string{
			targettest.None: "abcd", targettest.Fail: "", targettest.FailAfter: "abcd", targettest.Tear: "ab",
			targettest.Crash: "", targettest.CrashAfter: "abcd", targettest.CrashTear: "ab",
		} {
			mem := &targettest.Memory{}
			turns := targettest.NewTurns(mem)
			a := turns.Actor(0)
			results := []chan error{put(t.Context(), a, "x"), put(t.Context(), a, "y")}
			waiting(turns)
			out := turns.Waiting()[0].Take(fault)
			err := <-results[0]
			if string(out.After) != want || string(mem.Objects()["x"]) != want || err != out.Err {
				t.Errorf("fault %d: %+v, %v", fault, out, err)
			}
			crashed := fault >= targettest.Crash
			if errors.Is(err, targettest.ErrCrash) != crashed || errors.Is(err, targettest.ErrFault) != (!crashed && fault != targettest.None) {
				t.Errorf("fault %d: %v", fault, err)
			}
			if got := len(waiting(turns)); crashed != (got == 0) {
				t.Errorf("fault %d: %d wait", fault, got)
			}
			a.Crash()
			if err := <-results[1]; !errors.Is(err, targettest.ErrCrash) {
				t.Errorf("fault %d: then %v", fault, err)
			}
			if err := <-put(t.Context(), a, "z"); !errors.Is(err, targettest.ErrCrash) {
				t.Errorf("fault %d: at last %v", fault, err)
			}
		}
	})
}

func TestWhoWaitsGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := targettest.NewTurns(&targettest.Memory{})
		a := turns.Actor(0)
		ctx, cancel := context.WithCancel(t.Context())
		waits, hangs, dies := put(ctx, a, "x"), put(ctx, a, "y"), put(t.Context(), a, "z")
		waiting(turns)
		for _, turn := range turns.Waiting()[1:] {
			turn.Take(targettest.Hang)
		}
		if got := waiting(turns); !slices.Equal(got, []string{"put x"}) {
			t.Fatalf("%q wait", got)
		}
		cancel()
		for _, result := range []chan error{waits, hangs, put(ctx, a, "w")} {
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		}
		a.Crash()
		if err := <-dies; !errors.Is(err, targettest.ErrCrash) {
			t.Errorf("%v", err)
		}
		if got := waiting(turns); len(got) > 0 {
			t.Errorf("%q wait", got)
		}
	})
}

func TestAListOfTwoTurnsMayYieldWhatChangedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &targettest.Memory{}
		for _, name := range []string{"p/stays", "p/leaves-1", "p/leaves-2", "q/other"} {
			mem.Set(name, []byte{1})
		}
		turns := targettest.NewTurns(mem)
		turns.Between = func(name string) bool { return strings.HasSuffix(name, "1") }
		names := list(t, turns.Actor(0), "p/")
		waiting(turns)
		turns.Waiting()[0].Take(targettest.None)
		for _, name := range []string{"p/leaves-1", "p/leaves-2"} {
			mem.Set(name, nil)
		}
		for _, name := range []string{"p/comes-1", "p/comes-2"} {
			mem.Set(name, []byte{1})
		}
		if got := waiting(turns); !slices.Equal(got, []string{"listed p/"}) {
			t.Fatalf("%q wait", got)
		}
		turns.Waiting()[0].Take(targettest.None)
		if got := <-names; !slices.Equal(got, []string{"p/comes-1", "p/leaves-1", "p/stays"}) {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatIsForeseenDoesNotHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &targettest.Memory{}
		turns := targettest.NewTurns(mem)
		a := turns.Actor(0)
		result := put(t.Context(), a, "x")
		waiting(turns)
		turn := turns.Waiting()[0]
		if out := turn.Foresee(); string(out.After) != "abcd" || out.Before != nil || out.Err != nil {
			t.Errorf("%+v", out)
		}
		if got := waiting(turns); len(mem.Objects()) > 0 || len(got) != 1 {
			t.Fatalf("%d objects are there, and %q wait", len(mem.Objects()), got)
		}
		mem.Set("x", []byte("other"))
		if out := turn.Foresee(); !errors.Is(out.Err, fs.ErrExist) || string(mem.Objects()["x"]) != "other" {
			t.Errorf("%+v, %q", out, mem.Objects()["x"])
		}
		mem.Set("x", nil)
		if out := turn.Take(targettest.None); out.Err != nil || string(mem.Objects()["x"]) != "abcd" || <-result != nil {
			t.Errorf("%+v", out)
		}
	})
}
