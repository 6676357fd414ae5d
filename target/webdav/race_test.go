package webdav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qsnap/qsnap/target/targettest"
)

// raceOn has goroutines of several clients put different bytes under one name, again
// and again, and checks that one of each round has put the object that is there.
func raceOn(t *testing.T, prefix string, rounds int, clients ...*Target) {
	t.Helper()
	const racers = 16
	for round := range rounds {
		name := fmt.Sprintf("%s/%d", prefix, round)
		var wg sync.WaitGroup
		errs := make([]error, racers)
		bodies := make([][]byte, racers)
		start := make(chan struct{})
		for i := range racers {
			bodies[i] = bytes.Repeat([]byte{byte('a' + i)}, 1000+round%2*i)
			wg.Go(func() {
				<-start
				errs[i] = clients[i%len(clients)].Put(t.Context(), name, bytes.NewReader(bodies[i]), int64(len(bodies[i])))
			})
		}
		close(start)
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Fatalf("round %d: %d and %d have both put the object", round, winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, fs.ErrExist):
				t.Fatalf("round %d: %d lost with %v", round, i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody has put the object", round)
		}
		if got := read(t, clients[0], name); !bytes.Equal(got, bodies[winner]) {
			t.Fatalf("round %d: %d has put the object, but it is %d bytes of %q", round, winner, len(got), got[:1])
		}
	}
}

func read(t *testing.T, tgt *Target, name string) []byte {
	t.Helper()
	r, err := tgt.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A store whose MOVEs take their time between looking and renaming.
func slowMover() *store {
	s := newStore()
	s.gap = func() {
		for range rand.IntN(2000) {
			runtime.Gosched()
		}
	}
	return s
}

func TestOfRacingPutsOneWinsWhereMovesRace(t *testing.T) {
	t.Parallel()
	s := slowMover()
	var clients []*Target
	for range 4 {
		clients = append(clients, openStore(t, s, Options{}))
	}
	raceOn(t, "race", 20, clients...)
	if left := s.uploads(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := targettest.Check(t.Context(), clients[0]); err != nil {
		t.Error(err)
	}
}

// What the store does is what the rivals' protocol is for: this is no wrong alarm.
func TestAMoveAloneReplacesWhereMovesRace(t *testing.T) {
	s := newStore()
	var looked sync.WaitGroup
	looked.Add(2)
	s.gap = func() { looked.Done(); looked.Wait() }
	tgt := openStore(t, s, Options{})
	s.dirs["/dav/_uploads"] = true
	s.files["/dav/_uploads/a_1"], s.files["/dav/_uploads/a_2"] = []byte("1"), []byte("2")
	results := make(chan error, 2)
	for _, from := range []string{"_uploads/a_1", "_uploads/a_2"} {
		go func() {
			_, err := tgt.move(t.Context(), "put", "a", from, "a")
			results <- err
		}()
	}
	if err := errors.Join(<-results, <-results); err != nil {
		t.Errorf("the store has kept an object that it should have replaced: %v", err)
	}
}

// A client whose requests fail from the moment it has died.
type mortal struct {
	http.RoundTripper
	died <-chan struct{}
}

func (m mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-m.died:
		return nil, errors.New("dead")
	default:
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-m.died:
			cancel()
		case <-stop:
		}
	}()
	return m.RoundTripper.RoundTrip(r.WithContext(ctx))
}

// A client dies while the server is about to rename its upload, which it does much
// later, when somebody else has put the object.
func TestAMoveThatOutlivesItsClientReplacesNothing(t *testing.T) {
	s := newStore()
	s.dirs["/dav/snapshots"] = true
	moving, died, goOn, moved := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	var gaps atomic.Int32
	s.gap = func() {
		if gaps.Add(1) == 1 {
			close(moving)
			<-goOn
		}
	}
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "MOVE" && !strings.Contains(r.Header.Get("Destination"), uploads) {
			s.serve(w, r)
			moved <- struct{}{}
			return true
		}
		return false
	})
	a := openStore(t, s, Options{Transport: mortal{http.DefaultTransport.(*http.Transport).Clone(), died}})
	b := openStore(t, s, Options{})
	if err := b.check(t.Context()); err != nil { // not counted below
		t.Fatal(err)
	}
	b.patience = 50 * time.Millisecond
	result := make(chan error)
	go func() { result <- a.Put(t.Context(), "snapshots/x", strings.NewReader("of the dead"), 11) }()
	<-moving
	close(died)
	if err := <-result; err == nil {
		t.Error("the dead client's put succeeds")
	}
	if len(s.uploads()) != 1 {
		t.Errorf("uploads after the death: %q", s.uploads())
	}
	go func() { result <- b.Put(t.Context(), "snapshots/x", strings.NewReader("alive"), 5) }()
	<-moved
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	close(goOn)
	<-moved
	if got, _ := s.object("snapshots/x"); string(got) != "alive" {
		t.Errorf("the object is %q", got)
	}
}
