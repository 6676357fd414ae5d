package webdav

import (
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A guard lets only those in who know a user's password.
type guard struct {
	http.Handler
	offers  []string                   // WWW-Authenticate; %d is a number that grows
	accepts func(r *http.Request) bool // of a request with credentials

	mu      sync.Mutex
	refused int // requests with credentials
	naked   int // without
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	sent := r.Header.Get("Authorization")
	if sent != "" && g.accepts(r) {
		g.mu.Unlock()
		g.Handler.ServeHTTP(w, r)
		return
	}
	if sent == "" {
		g.naked++
	} else {
		g.refused++
	}
	n := g.refused + g.naked
	g.mu.Unlock()
	for _, o := range g.offers {
		w.Header().Add("WWW-Authenticate", strings.ReplaceAll(o, "%d", fmt.Sprint(n)))
	}
	w.WriteHeader(http.StatusUnauthorized)
}

// digestOf returns what accepts a digest of ann's password for the last nonce.
func digestOf(t *testing.T, g *guard, algorithm func() hash.Hash, sess bool) func(*http.Request) bool {
	used := map[string]bool{}
	h := func(parts ...string) string {
		d := algorithm()
		d.Write([]byte(strings.Join(parts, ":")))
		return fmt.Sprintf("%x", d.Sum(nil))
	}
	return func(r *http.Request) bool {
		all := parseChallenges(r.Header.Get("Authorization"))
		if len(all) != 1 || all[0].scheme != "digest" {
			t.Errorf("sent %q", r.Header.Get("Authorization"))
			return false
		}
		p := all[0].params
		if p["username"] != "ann" || p["realm"] != `a "realm"` || p["opaque"] != "x y" || p["uri"] != r.RequestURI {
			t.Errorf("sent %v", p)
		}
		if p["nonce"] != fmt.Sprint("nonce", g.refused+g.naked) || used[p["nonce"]+p["nc"]] {
			return false
		}
		a1 := h("ann", p["realm"], password)
		if sess {
			a1 = h(a1, p["nonce"], p["cnonce"])
		}
		want := h(a1, p["nonce"], p["nc"], p["cnonce"], p["qop"], h(r.Method, p["uri"]))
		if p["qop"] == "" {
			want = h(a1, p["nonce"], h(r.Method, p["uri"]))
		} else {
			used[p["nonce"]+p["nc"]] = true
		}
		return p["response"] == want
	}
}

func TestCredentialsAreGivenAsTheServerAsks(t *testing.T) {
	basic := func(r *http.Request) bool {
		user, pass, ok := r.BasicAuth()
		return ok && user == "ann" && pass == password
	}
	const digest = `Digest realm="a \"realm\"", nonce="nonce%d", opaque="x y"`
	for name, c := range map[string]struct {
		offers  []string
		accepts func(*guard) func(*http.Request) bool
	}{
		"basic":         {[]string{`Basic realm="x"`}, func(*guard) func(*http.Request) bool { return basic }},
		"basic, others": {[]string{`Negotiate`, `NTLM TlRM/==, Basic realm="a, Digest b"`}, func(*guard) func(*http.Request) bool { return basic }},
		"digest":        {[]string{digest + `, qop="auth-int, auth"`}, func(g *guard) func(*http.Request) bool { return digestOf(t, g, md5.New, false) }},
		"old digest":    {[]string{digest}, func(g *guard) func(*http.Request) bool { return digestOf(t, g, md5.New, false) }},
		"session":       {[]string{digest + `, qop="auth", algorithm=MD5-sess`}, func(g *guard) func(*http.Request) bool { return digestOf(t, g, md5.New, true) }},
		"better digest": {[]string{`Basic realm="x", ` + digest + `, qop=auth, algorithm=MD5`, digest + `, qop="auth", algorithm=SHA-256`, digest + `, algorithm=SHA-512-256`},
			func(g *guard) func(*http.Request) bool { return digestOf(t, g, sha256.New, false) }},
	} {
		g := &guard{Handler: newStore(), offers: c.offers}
		g.accepts = c.accepts(g)
		s := newServer(t, g)
		tgt := open(t, Options{URL: strings.Replace(s.URL, "http://", "http://ann:"+password+"@", 1) + "/dav"})
		if strings.Contains(tgt.String(), password) {
			t.Errorf("%s: the target calls itself %s", name, tgt)
		}
		for i := range 3 {
			mustPut(t, tgt, fmt.Sprint("a", i), strings.Repeat("hello", 1000))
		}
		if g.naked != 1 || g.refused != 0 {
			t.Errorf("%s: %d requests without credentials, %d refused", name, g.naked, g.refused)
		}
		if !strings.HasPrefix(name, "basic") { // another nonce becomes due
			g.naked++
			mustPut(t, tgt, "b", strings.Repeat("hello", 1000))
			if g.refused != 1 {
				t.Errorf("%s: %d requests refused after the nonce changed", name, g.refused)
			}
		}
		// Wrong ones are not tried again and again.
		_, err := Open(t.Context(), Options{URL: s.URL + "/dav", User: "ann", Password: "wrong-" + password})
		if isLine(t, err, "401 Unauthorized: wrong user or password"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
		isTemporary(t, err, false, 0)
		_, err = Open(t.Context(), Options{URL: s.URL + "/dav"})
		isLine(t, err, "it asks who you are")
		if g.refused > 2 {
			t.Errorf("%s: %d requests refused", name, g.refused)
		}
	}
}

func TestATokenIsSentAtOnce(t *testing.T) {
	g := &guard{Handler: newStore(), accepts: func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+password }}
	s := newServer(t, g)
	mustPut(t, open(t, Options{URL: s.URL + "/dav", Bearer: password}), "a", "hello")
	_, err := Open(t.Context(), Options{URL: s.URL + "/dav", Bearer: "wrong"})
	isLine(t, err, "it refuses the token")
	if g.naked > 0 || g.refused != 1 {
		t.Errorf("%d requests without the token, %d refused", g.naked, g.refused)
	}
	_, err = Open(t.Context(), Options{URL: s.URL + "/dav", Bearer: password + "\n"})
	isLine(t, err, "open http://127.0.0.1")
}

func TestChallengesThatCannotBeMetAreErrors(t *testing.T) {
	for _, offers := range [][]string{nil, {"Negotiate"}, {`Digest realm="x", nonce="y", qop="auth-int"`}, {`Digest realm="x", qop="auth"`},
		{`Digest realm="x", nonce="y", algorithm=MD6`}} {
		s := newServer(t, &guard{offers: offers})
		_, err := Open(t.Context(), Options{URL: s.URL, User: "ann", Password: password})
		isLine(t, err, "401 Unauthorized: it asks for credentials of a kind that is not known here")
	}
}

func TestAPasswordGivenAsDigestIsNotSentInClearLater(t *testing.T) {
	g := &guard{Handler: newStore(), offers: []string{`Digest realm="a \"realm\"", nonce="nonce%d", opaque="x y", qop="auth"`}}
	g.accepts = digestOf(t, g, md5.New, false)
	tgt := open(t, Options{URL: newServer(t, g).URL + "/dav", User: "ann", Password: password})
	g.mu.Lock()
	g.offers = []string{`Basic realm="x"`}
	g.accepts = func(r *http.Request) bool {
		if _, _, ok := r.BasicAuth(); ok {
			t.Error("the password was sent")
		}
		return false
	}
	g.mu.Unlock()
	isLine(t, putText(tgt, "a", "hello"), "somebody may be in between")
}

// The examples of RFC 7616, 3.9.1, and RFC 2617, 3.5.
func TestDigestsAreThoseOfTheStandards(t *testing.T) {
	for want, d := range map[string]*digest{
		"8ca523f5e9506fed4657c9700eebdbec":                                 {params: map[string]string{"algorithm": "MD5"}},
		"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1": {params: map[string]string{"algorithm": "SHA-256"}},
	} {
		d.params["realm"], d.params["nonce"], d.params["qop"] = "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "auth, auth-int"
		d = newDigest(d.params)
		d.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
		if got, err := d.answer("Mufasa", "Circle of Life", "GET", "/dir/index.html"); err != nil || !strings.Contains(got, `response="`+want+`"`) {
			t.Errorf("%s, %v", got, err)
		}
	}
	d := newDigest(map[string]string{"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093", "qop": "auth,auth-int", "opaque": "5ccc069c403ebaf9f0171e9517f40e41"})
	d.cnonce = "0a4f113b"
	if got, err := d.answer("Mufasa", "Circle Of Life", "GET", "/dir/index.html"); err != nil || !strings.Contains(got, `response="6629fae49393a05397450978507c4ef1"`) {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := d.answer("Muf\r\nasa: x", "", "GET", "/"); err == nil {
		t.Errorf("a user with a line break: %q", got)
	}
}

func TestNoErrorHoldsCredentials(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusTeapot)
		user, pass, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s\n%s\x1b[31m", user, pass, r.Header.Get("Authorization"))
	})
	s := newServer(t, &guard{Handler: echo, offers: []string{`Basic realm="x"`}, accepts: func(*http.Request) bool { return true }})
	for _, o := range []Options{
		{URL: strings.Replace(s.URL, "http://", "http://ann:"+password+"@", 1)},
		{URL: s.URL, Bearer: password},
		{URL: "http://ann:" + password + "@127.0.0.1:1/"},
		{URL: "http://ann:" + password + "@127.0.0.1:1/%zz"},
		{URL: "ftp://ann:" + password + "@127.0.0.1:1/"},
		{URL: "http://ann:" + password + "@/x?y=z"},
	} {
		_, err := Open(t.Context(), o)
		isLine(t, err)
		if strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), "YW5uOmNvcnJl") {
			t.Errorf("%q", err)
		}
	}
}
