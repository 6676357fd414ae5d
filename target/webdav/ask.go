package webdav

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// propfind requests the properties of a resource, and with depth 1 those of its members.
// It calls each with the cleaned path of each and its properties. It returns the address
// that answered. Long listings come in pages.
func (t *Target) propfind(ctx context.Context, c call, depth string, each func(path string, r resource) error) (*url.URL, error) {
	c.method = "PROPFIND"
	if c.text == "" {
		c.text = propfindBody
	}
	c.header = http.Header{"Depth": {depth}, "Content-Type": {`application/xml; charset="utf-8"`},
		"Idempotency-Key": nil} // not sent: lets net/http repeat the request on a new connection
	first, seen := c.url, map[string]bool{}
	for !seen[c.url.String()] {
		seen[c.url.String()] = true
		resp, err := t.send(ctx, c)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusMultiStatus {
			if resp.StatusCode < 300 {
				discard(resp)
				return nil, t.nonsense(c, fmt.Sprintf("answers %d to a question that only 207 answers", resp.StatusCode))
			}
			return nil, t.failed(c, resp)
		}
		at := resp.Request.URL
		if c.url == first {
			first = at
		}
		err = parseMultistatus(resp.Body, func(r resource) error {
			u, err := at.Parse(r.href)
			if err != nil || u.RawQuery != "" || u.Fragment != "" {
				return nil // not a name of an object
			}
			return each(path.Clean("/"+u.Path), r)
		})
		next := nextPage(resp.Header.Values("Link"))
		discard(resp)
		if e, ok := errors.AsType[*Error](err); ok || ctx.Err() != nil {
			return nil, cmp.Or(ctx.Err(), error(e))
		}
		if err != nil {
			e := t.nonsense(c, "answers what is no listing: "+err.Error())
			e.Err, e.temporary = err, errors.Is(err, errTrailing)
			return nil, e
		}
		if next == "" || depth == "0" {
			return first, nil
		}
		u, err := at.Parse(next)
		if err != nil || origin(u) != origin(at) {
			return nil, t.nonsense(c, "continues a listing elsewhere")
		}
		u.User, u.Fragment = nil, ""
		c.url = u
	}
	return nil, t.nonsense(c, "continues a listing with what it has listed before")
}

// nonsense returns an error for an answer that can't be from a working WebDAV server.
func (t *Target) nonsense(c call, what string) *Error {
	return &Error{Op: c.op, Name: c.name, Text: t.line("the server " + what)}
}

// nextPage returns the target of the link with the relation "next" (RFC 8288), or "".
func nextPage(headers []string) string {
	for _, header := range headers {
		for {
			_, rest, ok := strings.Cut(header, "<")
			if !ok {
				break
			}
			link, params, ok := strings.Cut(rest, ">")
			if !ok {
				break
			}
			// The parameters extend to the next link, or to the end.
			header = ""
			if i := strings.IndexByte(params, '<'); i >= 0 {
				params, header = params[:i], params[i:]
			}
			for p := range strings.FieldsFuncSeq(params, func(r rune) bool { return r == ';' || r == ',' }) {
				name, value, _ := strings.Cut(p, "=")
				relations := strings.Fields(strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)))
				if strings.EqualFold(strings.TrimSpace(name), "rel") && slices.Contains(relations, "next") {
					return link
				}
			}
		}
	}
	return ""
}

// below returns the name, relative to the base, of a path in the server's answer.
func (t *Target) below(p string) (name string, ok bool) {
	if p == t.hrefs {
		return "", true
	}
	return strings.CutPrefix(p, strings.TrimSuffix(t.hrefs, "/")+"/")
}
