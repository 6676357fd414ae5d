package webdav

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func resources(b []byte) (all []resource, err error) {
	err = parseMultistatus(bytes.NewReader(b), func(r resource) error {
		all = append(all, r)
		return nil
	})
	return all, err
}

// A listing that broke off is an error, or says all the same.
func FuzzParseMultistatus(f *testing.F) {
	const ok = `<d:status>HTTP/1.1 200 OK</d:status>`
	for _, s := range []string{
		``, `<`, `<d:multistatus xmlns:d="DAV:"/>`, `<multistatus xmlns="DAV:"></multistatus>x`,
		`<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:response><d:href>/dav/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype><d:quota-used-bytes>1</d:quota-used-bytes><d:quota-available-bytes>2</d:quota-available-bytes></d:prop>` + ok + `</d:propstat></d:response><d:response><d:href>/dav/a</d:href><d:propstat><d:prop><d:getcontentlength>17</d:getcontentlength></d:prop>` + ok + `</d:propstat><d:propstat><d:prop><d:resourcetype/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response></d:multistatus>`,
		`<d:multistatus xmlns:d="DAV:"><d:response><d:href>x</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response></d:multistatus><!-- end -->`,
		`<!DOCTYPE a><multistatus xmlns="DAV:"/>`, `<multistatus xmlns="DAV:"><response><href>&#47;a</href></response></multistatus>`,
	} {
		f.Add([]byte(s), len(s)/2)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		all, err := resources(b)
		for _, r := range all {
			if r.href == "" || r.size < -1 || r.free < -1 || r.used < -1 {
				t.Errorf("%+v", r)
			}
		}
		if err != nil || cut < 0 || cut > len(b) {
			return
		}
		if part, err := resources(b[:cut]); err == nil && !slices.Equal(part, all) {
			t.Errorf("%d resources of %d in a part", len(part), len(all))
		}
	})
}

// What is quoted is read back, whatever else there is.
func FuzzParseChallenges(f *testing.F) {
	for _, s := range []string{
		``, `Basic`, `Basic realm="x"`, `Basic realm=x, Digest nonce="a\"b", qop="auth,auth-int", stale=FALSE`, `Negotiate YWJj=, NTLM`,
		`,, ,`, `=`, `a=b`, `Digest realm = "x`, `Digest "x"`, `Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range parseChallenges(s) {
			if c.scheme == "" || strings.ContainsFunc(c.scheme, func(r rune) bool { return r > 127 || !tokenChar(byte(r)) }) {
				t.Errorf("a scheme %q", c.scheme)
			}
			if c.scheme == "digest" {
				if d := newDigest(c.params); d.possible() {
					header, err := d.answer("ann", password, "GET", "/")
					if err == nil && (strings.ContainsAny(header, "\r\n") || strings.Contains(header, password)) {
						t.Errorf("%q", header)
					}
					if back := parseChallenges(header); err == nil && (len(back) != 1 || back[0].params["nonce"] != c.params["nonce"]) {
						t.Errorf("%q is read as %v", header, back)
					}
				}
			}
		}
		all := parseChallenges("Digest nonce=" + quote(s) + ", realm=x")
		if len(all) != 1 || all[0].params["nonce"] != s || all[0].params["realm"] != "x" {
			t.Errorf("%q is read as %v", s, all)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{``, `bytes 0-3/10`, `bytes */10`, `bytes 0-3/*`, `bytes 3-0/10`, `bytes -1--1/-1`, `</a>; rel="next"`, `<a>; rel=prev, <b>;rel="x next"`, `<`, `120`, `Fri, 31 Dec 1999 23:59:59 GMT`} {
		f.Add(s)
	}
	now := time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if first, last, total, ok := contentRange(s); ok && (first < 0 || last < first || total < -1 || total >= 0 && last >= total) {
			t.Errorf("%d-%d/%d", first, last, total)
		}
		if d := retryAfter(s, now); d < 0 {
			t.Errorf("retry after %s", d)
		}
		if link := nextPage([]string{s}); !strings.Contains(s, "<"+link) && link != "" {
			t.Errorf("a link %q", link)
		}
		if !strings.ContainsAny(s, "<>") {
			if got := nextPage([]string{fmt.Sprintf(`<x>; rel="prev", <%s>; rel="next"`, s)}); got != s {
				t.Errorf("the next is %q", got)
			}
		}
		if code := statusCode(s); code < -1 || code == 0 {
			t.Errorf("status %d", code)
		}
		_ = message(&http.Response{StatusCode: 500, Header: http.Header{"Content-Type": {"text/xml"}}}, []byte(s))
	})
}
