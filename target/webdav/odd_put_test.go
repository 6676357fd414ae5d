package webdav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestStoresThatTakeNothingSayWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code      int
		words     string
		is        error
		temporary bool
	}{
		{http.StatusForbidden, "403 Forbidden: this user may not do that here", fs.ErrPermission, false},
		{http.StatusMethodNotAllowed, "can't be written to", fs.ErrPermission, false},
		{http.StatusRequestEntityTooLarge, "larger than the server takes", nil, false},
		{http.StatusInsufficientStorage, "the store is full", syscall.ENOSPC, false},
		{http.StatusServiceUnavailable, "503 Service Unavailable", nil, true},
		{http.StatusTooManyRequests, "429 Too Many Requests", nil, true},
		{http.StatusInternalServerError, "500 Internal Server Error", nil, true},
	} {
		s := newStore()
		tgt := openStore(t, s, Options{})
		mustPut(t, tgt, "before", "x")
		s.answer(answering(http.MethodPut, status(c.code)))
		err := putText(tgt, "a", "hello")
		isLine(t, err, "put a: the server answers", c.words)
		isTemporary(t, err, c.temporary, 0)
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%v is not %v", err, c.is)
		}
		s.answer(nil)
		mustPut(t, tgt, "a", "hello")
	}
}

func TestAQuotaHitInTheMiddleLeavesNothing(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 8<<20)
	for name, refuse := range map[string]func(http.ResponseWriter, *http.Request){
		"a refusal": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
			w.WriteHeader(http.StatusInsufficientStorage)
		},
		"a refusal before the bytes": status(http.StatusInsufficientStorage),
		"a broken connection": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
			panic(http.ErrAbortHandler)
		},
	} {
		s := newStore()
		tgt := openStore(t, s, Options{})
		mustPut(t, tgt, "before", "x")
		s.answer(answering(http.MethodPut, refuse))
		err := tgt.Put(t.Context(), "a", bytes.NewReader(body), int64(len(body)))
		isLine(t, err, "put a: ")
		if name == "a refusal before the bytes" && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := tgt.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) || len(s.uploads()) > 0 {
			t.Errorf("%s: %v, uploads %q", name, err, s.uploads())
		}
		s.answer(nil)
		mustPut(t, tgt, "a", "hello")
	}
}

func TestAServerThatKeepsFewerBytesThanItTookIsFoundOut(t *testing.T) {
	t.Parallel()
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "before", "x")
	s.answer(answering(http.MethodPut, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.change(w, func() int { return s.put(r.URL.Path, b[:len(b)/2]) })
	}))
	isLine(t, putText(tgt, "a", "hello, world"), "put a: the server took 12 bytes and has 6")
	s.answer(answering(http.MethodPut, status(http.StatusCreated)))
	isLine(t, putText(tgt, "a", "hello, world"), "put a: the server loses what it takes")
	if _, ok := s.object("a"); ok || len(s.uploads()) > 0 {
		t.Errorf("the object is there: %v; uploads %q", ok, s.uploads())
	}
}

func TestAServerThatOverwritesIsRefusedOnce(t *testing.T) {
	s := newStore()
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Overwrite")
		return false
	})
	tgt := openStore(t, s, Options{})
	for range 3 {
		err := putText(tgt, "a", "hello")
		if isLine(t, err, "would not be safe"); !errors.Is(err, ErrOverwrites) {
			t.Errorf("put returns %v", err)
		}
		isTemporary(t, err, false, 0)
	}
	if _, ok := s.object("a"); ok || s.count("MOVE") != 1 || len(s.uploads()) != 0 {
		t.Errorf("the object is there: %v; %d MOVEs; uploads %q", ok, s.count("MOVE"), s.uploads())
	}
	// One that answers 412 and overwrites all the same.
	s = newStore()
	s.answer(answering("MOVE", func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Overwrite")
		s.serve(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusPreconditionFailed)
	}))
	if err := putText(openStore(t, s, Options{}), "a", "hello"); !errors.Is(err, ErrOverwrites) {
		t.Errorf("put returns %v", err)
	}
}

// Nextcloud goes on assembling a file after somebody in between has lost patience.
func TestAnUploadThatIsStillAssembledIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusGatewayTimeout, http.StatusLocked} {
		s := newStore()
		tgt := openStore(t, s, Options{})
		mustPut(t, tgt, "before", "x")
		puts := s.count(http.MethodPut)
		later := make(chan struct{})
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case r.Method == http.MethodPut:
				b, _ := io.ReadAll(r.Body)
				go func() {
					<-later
					s.change(httptest.NewRecorder(), func() int { return s.put(r.URL.Path, b) })
				}()
				w.WriteHeader(code)
				return true
			case r.Method == "PROPFIND" && strings.Contains(r.URL.Path, "/_uploads/") && s.count("PROPFIND") == 8:
				close(later)
			}
			return false
		})
		mustPut(t, tgt, "a", "hello")
		if n := s.count(http.MethodPut) - puts; n != 1 {
			t.Errorf("%d: it was sent %d times", code, n)
		}
	}
}

func TestAMoveThatIsStillMadeIsWaitedFor(t *testing.T) {
	for _, code := range []int{http.StatusGatewayTimeout, http.StatusLocked} {
		s := newStore()
		tgt := openStore(t, s, Options{})
		mustPut(t, tgt, "before", "x")
		moves := s.count("MOVE")
		var asked atomic.Int32
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case r.Method == "MOVE":
				if code == http.StatusLocked && asked.Add(1) == 3 {
					return false
				}
				w.WriteHeader(code)
				return true
			case r.Method == "PROPFIND" && strings.Contains(r.URL.Path, "/_uploads/") && code == http.StatusGatewayTimeout && asked.Add(1) == 3:
				from := r.Clone(t.Context())
				from.Method = "MOVE"
				from.Header.Set("Destination", "http://"+r.Host+"/dav/a")
				s.serve(httptest.NewRecorder(), from)
			}
			return false
		})
		mustPut(t, tgt, "a", "hello")
		want := map[int]int{http.StatusGatewayTimeout: 1, http.StatusLocked: 3}[code]
		if n := s.count("MOVE") - moves; n != want {
			t.Errorf("%d: %d MOVEs, want %d", code, n, want)
		}
	}
	// And not for ever.
	s := newStore()
	tgt := openStore(t, s, Options{Timeout: 300 * time.Millisecond})
	mustPut(t, tgt, "before", "x")
	s.answer(answering("MOVE", status(http.StatusGatewayTimeout)))
	err := putText(tgt, "a", "hello")
	isLine(t, err, "put a: the server answers 504 Gateway Timeout")
	isTemporary(t, err, true, 0)
}

// A proxy may send a MOVE again whose answer it has not got.
func TestAMoveThatWasDoneTwiceHasSucceeded(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "before", "x")
	s.answer(answering("MOVE", func(w http.ResponseWriter, r *http.Request) {
		s.serve(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusPreconditionFailed)
	}))
	mustPut(t, tgt, "a", "hello")
	s.answer(answering("MOVE", func(w http.ResponseWriter, r *http.Request) {
		s.serve(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}))
	mustPut(t, tgt, "b", "hello")
	s.answer(nil)
	if err := putText(tgt, "b", "other"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the next put returns %v", err)
	}
}

// Somebody else's object is never taken for one's own.
func TestAnUnclearMoveThatSomebodyElseWonIsErrExist(t *testing.T) {
	for _, other := range []string{"olleh", "longer than that"} {
		s := newStore()
		tgt := openStore(t, s, Options{})
		mustPut(t, tgt, "before", "x")
		s.answer(answering("MOVE", func(w http.ResponseWriter, r *http.Request) {
			s.change(httptest.NewRecorder(), func() int { s.delete(r.URL.Path); return s.put("/dav/a", []byte(other)) })
			panic(http.ErrAbortHandler)
		}))
		if err := putText(tgt, "a", "hello"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("put returns %v", err)
		}
	}
}

func TestUploadsThatWereRemovedAreSentAgain(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "PROPFIND" && strings.HasSuffix(r.URL.Path, "/_uploads/") && s.count(http.MethodPut) == 3 {
			s.answer(nil)
			if n, err := tgt.RemoveUploads(t.Context()); n != 1 || err != nil {
				t.Errorf("removed %d, %v", n, err)
			}
		}
		return false
	})
	mustPut(t, tgt, "a", "hello")
	if n := s.count(http.MethodPut); n != 4 {
		t.Errorf("%d PUTs", n)
	}
}

// A rival's deletion may come while a server still stores the upload.
func TestAnUploadThatIsDeletedWhileItIsSentHasARival(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "before", "x")
	s.answer(answering(http.MethodPut, func(w http.ResponseWriter, r *http.Request) {
		s.change(w, func() int { s.put("/dav/a", []byte("rival's")); return http.StatusMethodNotAllowed })
	}))
	if err := putText(tgt, "a", "hello"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("put returns %v", err)
	}
}

// A rival that has deleted the upload may take long to put the object, or not come to it.
func TestAnUploadThatIsDeletedIsSentAgainWhileThereIsARival(t *testing.T) {
	for _, wins := range []bool{true, false} {
		s := newStore()
		tgt := openStore(t, s, Options{})
		mustPut(t, tgt, "before", "x")
		rival := "/dav/" + rivalKey("a") + "0rival"
		sent := 0
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut {
				return false
			}
			if sent++; sent == 1 {
				s.change(w, func() int { s.put(rival, []byte("rival's")); return http.StatusMethodNotAllowed })
				return true
			}
			s.change(httptest.NewRecorder(), func() int {
				if wins {
					s.put("/dav/a", []byte("rival's"))
				}
				return s.delete(rival)
			})
			return false
		})
		if err := putText(tgt, "a", "hello"); (err == nil) == wins || wins && !errors.Is(err, fs.ErrExist) {
			t.Errorf("the rival wins: %v; put returns %v", wins, err)
		}
		if sent != 2 || len(s.uploads()) > 0 {
			t.Errorf("%d uploads; left behind: %q", sent, s.uploads())
		}
	}
}

// Two may delete a third one's upload at once, and rclone answers the later one so.
func TestARivalThatSomebodyElseDeletesMeanwhileIsGone(t *testing.T) {
	for _, goes := range []bool{true, false} {
		s := newStore()
		tgt := openStore(t, s, Options{})
		mustPut(t, tgt, "before", "x")
		rival := "/dav/" + rivalKey("a") + "9rival"
		s.change(httptest.NewRecorder(), func() int { return s.put(rival, []byte("rival's")) })
		s.answer(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodDelete || r.URL.Path != rival {
				return false
			}
			s.change(w, func() int {
				if goes {
					s.delete(rival)
				}
				return http.StatusMethodNotAllowed
			})
			return true
		})
		err := putText(tgt, "a", "hello")
		if (err == nil) != goes || !goes && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("the rival goes: %v; put returns %v", goes, err)
		}
		if _, ok := s.object("a"); ok != goes {
			t.Errorf("the rival goes: %v; the object is there: %v", goes, ok)
		}
	}
}

// A refusal is what it is, though a crashed rival has left an upload for the same name.
func TestARefusalIsNotTakenForARival(t *testing.T) {
	t.Parallel()
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "before", "x")
	s.change(httptest.NewRecorder(), func() int { return s.put("/dav/"+rivalKey("a")+"0rival", []byte("hel")) })
	s.answer(answering(http.MethodPut, status(http.StatusForbidden)))
	err := putText(tgt, "a", "hello")
	isLine(t, err, "403 Forbidden")
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("put returns %v", err)
	}
}

// A server may begin to store an upload that broke off after it was told to delete it.
func TestAnUploadThatComesLateIsDeletedByTheNextPut(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "before", "x")
	var late string
	s.answer(answering(http.MethodPut, func(w http.ResponseWriter, r *http.Request) {
		late = r.URL.Path
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	isLine(t, putText(tgt, "a", "hello"), "503")
	s.answer(nil)
	s.change(httptest.NewRecorder(), func() int { return s.put(late, []byte("hel")) })
	s.change(httptest.NewRecorder(), func() int { return s.put("/dav/_uploads/0123456789abcdef_0other", []byte("hel")) })
	mustPut(t, tgt, "b", "hello")
	if left := s.uploads(); len(left) != 1 || left[0] != "0123456789abcdef_0other" {
		t.Errorf("left behind: %q", left)
	}
	if n, err := tgt.RemoveUploads(t.Context()); n != 1 || err != nil || len(s.uploads()) > 0 {
		t.Errorf("removed %d, %v; left behind: %q", n, err, s.uploads())
	}
}

func TestCollectionsThatVanishAreMadeAgain(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	for i := range 3 {
		mustPut(t, tgt, fmt.Sprint("packs/aa/", i), "hello")
		made := s.count("MKCOL")
		mustPut(t, tgt, fmt.Sprint("packs/aa/more-", i), "hello")
		if s.count("MKCOL") != made {
			t.Error("a collection that is there is made")
		}
		s.change(httptest.NewRecorder(), func() int { return s.delete("/dav/" + []string{"packs", "_uploads", "packs/aa"}[i]) })
	}
}

func TestACollectionIsNoObject(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "packs/aa/1", "hello")
	for _, name := range []string{"packs", "packs/aa"} {
		if err := tgt.Delete(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete of %s: %v", name, err)
		}
		if _, err := tgt.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat of %s: %v", name, err)
		}
	}
	if _, ok := s.object("packs/aa/1"); !ok {
		t.Error("what was in it is gone")
	}
}

func TestABaseThatVanishedIsAnErrorNotEmpty(t *testing.T) {
	s := newStore()
	server := newServer(t, s)
	if _, err := Open(t.Context(), Options{URL: server.URL + "/dav/x/y"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open returns %v", err)
	}
	tgt := open(t, Options{URL: server.URL + "/dav/x/y", Create: true})
	mustPut(t, tgt, "packs/a", "hello")
	s.change(httptest.NewRecorder(), func() int { return s.delete("/dav/x") })
	for _, prefix := range []string{"", "packs/", "none/"} {
		var listed error
		for _, err := range tgt.List(t.Context(), prefix) {
			listed = err
		}
		if !errors.Is(listed, fs.ErrNotExist) {
			t.Errorf("list of %q: %v", prefix, listed)
		}
	}
	if err := putText(tgt, "packs/b", "hello"); !errors.Is(err, fs.ErrNotExist) || s.dirs["/dav/x/y"] {
		t.Errorf("put returns %v, and the base is there: %v", err, s.dirs["/dav/x/y"])
	}
}

func TestNoByteIsReadAfterPutReturned(t *testing.T) {
	t.Parallel()
	s := newStore()
	tgt := openStore(t, s, Options{})
	mustPut(t, tgt, "before", "x")
	s.answer(answering(http.MethodPut, status(http.StatusForbidden)))
	var returned atomic.Bool
	body := readerAt(func(p []byte, off int64) (int, error) {
		if returned.Load() {
			t.Error("the body is read")
		}
		return len(p), nil
	})
	for range 20 {
		returned.Store(false)
		if err := tgt.Put(t.Context(), "a", body, 900<<10); err == nil {
			t.Error("put succeeds")
		}
		returned.Store(true)
	}
}

type readerAt func(p []byte, off int64) (int, error)

func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r(p, off) }

func TestTooLargeObjectsAreNotSent(t *testing.T) {
	s := newStore()
	tgt := openStore(t, s, Options{MaxUpload: 4})
	isLine(t, putText(tgt, "a", "hello"), "put a: 5 bytes are more than the 4 that the server takes")
	if s.count(http.MethodPut) != 0 {
		t.Error("something was sent")
	}
}
