package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/target/s3"
)

// A GET is answered by a store that lies about it.
func TestAShortOrWrongAnswerIsAnError(t *testing.T) {
	whole := contentOf("a", 1000, 1)
	for name, c := range map[string]struct {
		off, n int64
		answer func(w http.ResponseWriter)
	}{
		"cut off": {0, -1, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			w.Write(whole[:400])
		}},
		"a range cut off": {100, 500, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "500")
			w.Header().Set("Content-Range", "bytes 100-599/1000")
			w.WriteHeader(206)
			w.Write(whole[100:300])
		}},
		"no length": {0, -1, func(w http.ResponseWriter) {
			w.Write(whole[:400])
			w.(http.Flusher).Flush()
		}},
		"the range ignored": {100, 500, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			w.Write(whole)
		}},
		"another range": {100, 500, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "500")
			w.Header().Set("Content-Range", "bytes 200-699/1000")
			w.WriteHeader(206)
			w.Write(whole[200:700])
		}},
		"a shorter range": {100, 500, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			w.Header().Set("Content-Range", "bytes 100-199/1000")
			w.WriteHeader(206)
			w.Write(whole[100:200])
		}},
		"not the rest": {100, -1, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			w.Header().Set("Content-Range", "bytes 100-199/1000")
			w.WriteHeader(206)
			w.Write(whole[100:200])
		}},
		"a range without numbers": {100, 500, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "500")
			w.Header().Set("Content-Range", "bytes x")
			w.WriteHeader(206)
			w.Write(whole[100:600])
		}},
	} {
		f := newFake(t)
		f.serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == http.MethodGet && strings.HasSuffix(q.URL.Path, "/a") {
				w.Header().Set("Last-Modified", "Wed, 21 Oct 2015 07:28:00 GMT")
				c.answer(w)
				return
			}
			f.handler.ServeHTTP(w, q)
		}))
		if got, err := read(t.Context(), open(t, f.options), "a", c.off, c.n); err == nil {
			t.Errorf("%s: %d bytes without an error", name, len(got))
		} else if strings.Contains(name, "cut off") && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A store that ignores ranges will do for those that begin at the start.
func TestAnIgnoredRangeFromTheStartIsCut(t *testing.T) {
	f := newFake(t)
	f.serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		q.Header.Del("Range")
		f.handler.ServeHTTP(w, q)
	}))
	target := open(t, f.options)
	if err := put(t.Context(), target, "a", 1000, 1); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t.Context(), target, "a", 0, 100); err != nil || !bytes.Equal(got, contentOf("a", 1000, 1)[:100]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// pages answers listings with two names at a time, of names that it has.
func pages(names []string, tamper func(page int, w http.ResponseWriter, q *http.Request) bool) http.HandlerFunc {
	page := 0
	return func(w http.ResponseWriter, q *http.Request) {
		page++
		if tamper(page, w, q) {
			return
		}
		after := max(q.URL.Query().Get("start-after"), q.URL.Query().Get("continuation-token"))
		w.Header().Set("Content-Type", "application/xml")
		var b strings.Builder
		n, last := 0, ""
		for _, name := range names {
			if key := "some/prefix/" + name; key > after && n < 2 {
				fmt.Fprintf(&b, "<Contents><Key>%s</Key><Size>5</Size></Contents>", key)
				n, last = n+1, key
			}
		}
		truncated := last != "" && last != "some/prefix/"+names[len(names)-1]
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%s</IsTruncated><NextContinuationToken>%s</NextContinuationToken>%s</ListBucketResult>", strconv.FormatBool(truncated), last, b.String())
	}
}

func list(t *testing.T, target *s3.Target) (names []string, err error) {
	for info, err := range target.List(t.Context(), "") {
		if err != nil {
			return names, err
		}
		names = append(names, info.Name)
	}
	return names, nil
}

func TestAListGoesThroughAllPagesInOrder(t *testing.T) {
	names := []string{"a", "b-1", "b.1", "b/1", "b/2", "c", "d"}
	fails := 0
	for name, tamper := range map[string]func(page int, w http.ResponseWriter, q *http.Request) bool{
		"calm": func(int, http.ResponseWriter, *http.Request) bool { return false },
		"slowing down": func(page int, w http.ResponseWriter, _ *http.Request) bool {
			if page != 3 { // the first is that of Open
				return false
			}
			fails++
			refuse(w, 503, "SlowDown", "")
			return true
		},
	} {
		target := open(t, odd(t, pages(names, tamper)))
		if got, err := list(t, target); err != nil || !slices.Equal(got, names) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if fails != 1 {
		t.Errorf("failed %d times", fails)
	}
}

func TestAListThatCanNotBeTrustedEndsWithAnError(t *testing.T) {
	same := func(w http.ResponseWriter, keys ...string) bool {
		w.Header().Set("Content-Type", "application/xml")
		io.WriteString(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>")
		for _, key := range keys {
			fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>5</Size></Contents>", key)
		}
		io.WriteString(w, "</ListBucketResult>")
		return true
	}
	for want, tamper := range map[string]func(w http.ResponseWriter) bool{
		`the store lists "some/prefix/a" after "some/prefix/b"`: func(w http.ResponseWriter) bool { return same(w, "some/prefix/a", "some/prefix/b") },
		`the store lists "elsewhere" too`:                       func(w http.ResponseWriter) bool { return same(w, "elsewhere") },
		`the store asks to slow down`:                           func(w http.ResponseWriter) bool { refuse(w, 503, "SlowDown", ""); return true },
	} {
		target := open(t, odd(t, pages([]string{"a"}, func(page int, w http.ResponseWriter, _ *http.Request) bool { return page > 1 && tamper(w) })))
		if got, err := list(t, target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q, %v; want %s", got, err, want)
		}
	}
}
