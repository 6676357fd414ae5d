package webdav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qsnap/qsnap/target"
)

// handle returns a transport that calls a handler itself.
func handle(h http.Handler) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Body == nil {
			r.Body = http.NoBody
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		resp := w.Result()
		resp.Request = r
		return resp, nil
	})
}

// busiest returns how many of some moments lie in an interval at most.
func busiest(moments []time.Time, interval time.Duration) (most int) {
	for i, from := range moments {
		n := 0
		for _, m := range moments[i:] {
			if m.Sub(from) < interval {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestRequestsKeepToTheirBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		var sent []time.Time
		s.answer(func(http.ResponseWriter, *http.Request) bool {
			sent = append(sent, time.Now())
			return false
		})
		var waits []time.Duration
		tgt := open(t, Options{URL: "http://dav.example/dav", Transport: handle(s),
			Budget: Budget{Requests: 20, Waiting: func(d time.Duration) { waits = append(waits, d) }}})
		began := time.Now()
		for i := range 30 {
			mustPut(t, tgt, fmt.Sprint("a", i), "hello")
		}
		took := time.Since(began)
		if n := busiest(sent, 30*time.Minute); n != 20 {
			t.Errorf("%d requests in half an hour", n)
		}
		// 30 Puts are about a hundred requests, which is five times the budget.
		if took < 2*time.Hour || took > 3*time.Hour || len(waits) == 0 || waits[0] > 31*time.Minute {
			t.Errorf("%d requests in %s, with waits of %s", len(sent), took, waits)
		}
	})
}

func TestABudgetIsSharedAndOutlivesProcesses(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "new", "requests.json")
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var sent []time.Time
		for range 3 { // one process after another, of four goroutines each
			var wg sync.WaitGroup
			for range 4 {
				p, err := newPacer(Budget{Requests: 50, Interval: time.Minute, State: state}, time.Now)
				if err != nil {
					t.Fatal(err)
				}
				wg.Go(func() {
					for range 30 {
						if err := p.take(t.Context()); err != nil {
							t.Error(err)
						}
						mu.Lock()
						sent = append(sent, time.Now())
						mu.Unlock()
					}
				})
			}
			wg.Wait()
		}
		if n := busiest(sent, time.Minute); n > 50 || n < 45 {
			t.Errorf("%d requests in a minute", n)
		}
	})
	left, err := filepath.Glob(filepath.Dir(state) + "/*")
	if err != nil || len(left) != 2 { // and the lock
		t.Errorf("files %q, %v", left, err)
	}
}

func TestAServerThatWantsToBeLeftAloneIs(t *testing.T) {
	state := filepath.Join(t.TempDir(), "requests.json")
	for _, c := range []struct {
		header, body string
		want         time.Duration
	}{
		{"90", "", 90 * time.Second},
		{"", "<s:exception>BlockedTemporarily</s:exception>", 30 * time.Minute},
		{"", "", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			if err := os.RemoveAll(state); err != nil {
				t.Fatal(err)
			}
			s := newStore()
			open := func() *Target {
				return open(t, Options{URL: "http://dav.example/dav", Transport: handle(s), Budget: Budget{Requests: 600, State: state}})
			}
			tgt := open()
			s.answer(answeringAll(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", c.header)
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprint(w, c.body)
			}))
			_, err := tgt.Stat(t.Context(), "a")
			isTemporary(t, err, true, 0) // nobody else has to wait: the next request does
			s.answer(nil)
			began := time.Now()
			open() // as another process
			if took := time.Since(began); took != c.want {
				t.Errorf("%+v: the next request waits for %s", c, took)
			}
		})
	}
}

func TestAWaitForTheBudgetCanBeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		tgt := open(t, Options{URL: "http://dav.example/dav", Transport: handle(newStore()),
			Budget: Budget{Requests: 1, Waiting: func(time.Duration) { time.AfterFunc(time.Minute, cancel) }}})
		began := time.Now()
		_, err := tgt.Stat(ctx, "a")
		if !errors.Is(err, context.Canceled) || time.Since(began) != time.Minute {
			t.Errorf("stat returns %v after %s", err, time.Since(began))
		}
	})
}

func TestADamagedStateStartsAnew(t *testing.T) {
	state := filepath.Join(t.TempDir(), "requests.json")
	for _, text := range []string{"", "{", "null", `{"slices":null,"blocked":"9999-01-01T00:00:00Z"}`,
		`{"slices":[{"start":"9999-01-01T00:00:00Z","requests":1000}]}`, `{"slices":[{"requests":1000}]}`} {
		if err := os.WriteFile(state, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := newPacer(Budget{Requests: 1, State: state}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.take(t.Context()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	// What can't be kept is an error, not forgotten.
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := newPacer(Budget{Requests: 1, State: state}, time.Now)
	if err == nil {
		err = p.take(t.Context())
	}
	isLine(t, err, "count of requests: ")
	for _, b := range []Budget{{Requests: -1}, {Requests: 1, Interval: -1}} {
		_, err := Open(t.Context(), Options{URL: "http://dav.example", Budget: b})
		isLine(t, err, "the budget is negative")
	}
}

// As the program stacks them: neither takes the wait for a failure.
func TestAWaitForTheBudgetIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		tgt := target.NewRetry(target.NewWatchdog(open(t, Options{URL: "http://dav.example/dav", Transport: handle(s), Budget: Budget{Requests: 20}}), 0), target.RetryOptions{})
		put := func(name string) error { return tgt.Put(t.Context(), name, strings.NewReader("hello"), 5) }
		began := time.Now()
		for i := range 12 {
			if err := put(fmt.Sprint("a", i)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 30*time.Minute {
			t.Errorf("nothing waited in %s", took)
		}
		blocked := time.Now()
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if time.Since(blocked) >= 30*time.Minute {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, "<error>BlockedTemporarily</error>")
			return true
		})
		if err := put("blocked"); err != nil {
			t.Errorf("after it was blocked: %v", err)
		}
	})
}
