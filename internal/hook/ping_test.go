package hook

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// A listener is a server that notes its pings, and answers the first of them with codes.
type listener struct {
	*httptest.Server
	pings   []string
	answers []int
}

func listen(t *testing.T, answers ...int) *listener {
	l := &listener{answers: answers}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		text := string(body)
		if len(text) > 20 {
			text = text[:5] + "..." + text[len(text)-5:]
		}
		l.pings = append(l.pings, r.Method+" "+r.URL.RequestURI()+" "+text)
		if len(l.answers) > 0 {
			w.WriteHeader(l.answers[0])
			l.answers = l.answers[1:]
		}
	}))
	t.Cleanup(l.Close)
	return l
}

func TestTheBeginningAndTheEndOfARunArePinged(t *testing.T) {
	l := listen(t)
	p := Pinger{URL: l.URL + "/abc?create=1"}
	coded := Pinger{URL: l.URL + "/abc/", ExitCodes: true}
	exact := Pinger{URL: l.URL + "/begun", Exact: true}
	for _, err := range []error{
		exact.Start(t.Context(), ""), p.Start(t.Context(), "17"), p.Success(t.Context(), "17", "all done"), p.Fail(t.Context(), "18", 5, "no server"),
		coded.Fail(t.Context(), "19", 5, "no server"), coded.Success(t.Context(), "", ""),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{
		"POST /begun ", "POST /abc/start?create=1&rid=17 ", "POST /abc?create=1&rid=17 all done", "POST /abc/fail?create=1&rid=18 no server",
		"POST /abc/5?rid=19 no server", "POST /abc/ ",
	}
	if !slices.Equal(l.pings, want) {
		t.Errorf("%q, want %q", l.pings, want)
	}
}

func TestTheEndOfALongMessageIsSent(t *testing.T) {
	l := listen(t)
	if err := (Pinger{URL: l.URL}).Success(t.Context(), "", strings.Repeat("x", PingBody-5)+"12345end"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"POST / xxxxx...45end"}; !slices.Equal(l.pings, want) {
		t.Errorf("%q, want %q", l.pings, want)
	}
}

func TestAPingIsRepeatedWhereThatMayHelp(t *testing.T) {
	l := listen(t, 503, 200)
	if err := (Pinger{URL: l.URL}).Start(t.Context(), ""); err != nil || len(l.pings) != 2 {
		t.Errorf("%d pings, %v", len(l.pings), err)
	}
	l = listen(t, 404)
	if err := (Pinger{URL: l.URL}).Start(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "404") || len(l.pings) != 1 {
		t.Errorf("%d pings, %v", len(l.pings), err)
	}
}

func TestAPingGivesUpInTimeAndKeepsTheURLToItself(t *testing.T) {
	block := make(chan struct{})
	deaf := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-block }))
	defer deaf.Close()
	defer close(block)
	gone := listen(t)
	gone.Close()
	for _, url := range []string{deaf.URL, gone.URL, "https://", "abc", "ftp://h/x", "http://a b/key-17"} {
		begun := time.Now()
		err := (Pinger{URL: url + "/key-17", Patience: 200 * time.Millisecond}).Success(t.Context(), "", "")
		if err == nil || strings.Contains(err.Error(), "key-17") || time.Since(begun) > 5*time.Second {
			t.Errorf("%s: %v after %s", url, err, time.Since(begun))
		}
	}
}
