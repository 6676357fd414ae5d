package webdav

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/qsnap/qsnap/internal/trust"
)

// ErrOverwrites means that the server's MOVE replaces existing files in spite of
// "Overwrite: F", so that no two clients could safely use a repository there.
var ErrOverwrites = errors.New("the server replaces files that it was told to keep: a repository here would not be safe")

// An Error says how a request failed.
type Error struct {
	Op     string // "put", "get" and the like
	Name   string // of the object, or the server's address
	Status int    // of the answer, or 0 if there was none
	Text   string // what is wrong
	Err    error  // what errors.Is finds; may be nil

	temporary bool
	after     time.Duration
}

// Error returns one line.
func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("%s %s: %s", e.Op, e.Name, e.Text)
	}
	text := fmt.Sprintf("%s %s: the server answers %d", e.Op, e.Name, e.Status)
	if s := http.StatusText(e.Status); s != "" {
		text += " " + s
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// Unwrap returns the error that errors.Is and errors.As examine.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool { return e.temporary }

// RetryAfter returns how long the server asked the client to wait.
func (e *Error) RetryAfter() time.Duration { return e.after }

// meanings of status codes: the text, and the error for errors.Is.
var meanings = map[int]struct {
	text string
	err  error
}{
	http.StatusForbidden:             {"this user may not do that here", fs.ErrPermission},
	http.StatusNotFound:              {"", fs.ErrNotExist},
	http.StatusGone:                  {"", fs.ErrNotExist},
	http.StatusMethodNotAllowed:      {"it can't be written to, or WebDAV is off at this address", fs.ErrPermission},
	http.StatusNotImplemented:        {"WebDAV is off at this address", nil},
	http.StatusRequestEntityTooLarge: {"larger than the server takes", nil},
	http.StatusInsufficientStorage:   {"the store is full", syscall.ENOSPC},
}

// failed returns an error for an unsuccessful answer, and closes the answer.
func (t *Target) failed(c call, resp *http.Response) error {
	defer discard(resp)
	said := keep(resp)
	m := meanings[resp.StatusCode]
	switch c.method {
	case http.MethodGet, http.MethodHead, "PROPFIND":
		if resp.StatusCode == http.StatusConflict { // Nutstore: not even its collection exists
			m.err = fs.ErrNotExist
		}
	}
	e := &Error{Op: c.op, Name: c.name, Status: resp.StatusCode, Text: m.text, Err: m.err}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests:
		e.temporary = true
	case http.StatusNotImplemented, http.StatusInsufficientStorage, http.StatusHTTPVersionNotSupported:
	default:
		e.temporary = resp.StatusCode >= 500
	}
	if e.temporary {
		e.after = retryAfter(resp.Header.Get("Retry-After"), t.now())
	}
	if bytes.Contains(said, []byte(blockedTemporarily)) {
		e.after = max(e.after, t.pacer.interval)
	}
	if t.pacer.Requests > 0 {
		e.after = 0 // the pacer has recorded it: the next request waits by itself
	}
	if words := t.line(message(resp, said)); words != "" {
		e.Text = strings.TrimPrefix(e.Text+": "+words, ": ")
	}
	return e
}

// message returns the server's error text: sabre/dav and similar servers send an element
// "message", others plain text. Web pages only repeat the status.
func message(resp *http.Response, said []byte) string {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if strings.HasSuffix(kind, "xml") {
		for d := xml.NewDecoder(bytes.NewReader(said)); ; {
			token, err := d.RawToken()
			if err != nil {
				return ""
			}
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "message" {
				if text, err := d.RawToken(); err == nil {
					text, _ := text.(xml.CharData)
					return string(text)
				}
			}
		}
	}
	text := strings.TrimSpace(string(said))
	if kind != "text/plain" || text == http.StatusText(resp.StatusCode) {
		return ""
	}
	return text
}

// retryAfter returns the time in a Retry-After header (RFC 9110, 10.2.3).
func retryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(s, 0), 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// lost returns an error for a request without an answer.
func (t *Target) lost(ctx context.Context, c call, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s %s: %w", c.op, c.name, ctx.Err())
	}
	if c.body != nil {
		if err := c.body.failure(); err != nil {
			return fmt.Errorf("%s %s: read what is to be stored: %w", c.op, c.name, err)
		}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	e := &Error{Op: c.op, Name: c.name, Err: err, temporary: true}
	if text := trust.Explain(err); text != "" {
		e.Text, e.temporary = text, false
	} else if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		e.Text, e.temporary = fmt.Sprintf("there is no host %q", dns.Name), false
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		e.Text = fmt.Sprintf("nothing listens at %s", t.base.Host)
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		e.Text = "the server ended the connection"
	} else if broken, ok := errors.AsType[*net.OpError](err); ok && broken.Op != "dial" {
		e.Text = "the connection broke"
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			e.Text += ": " + errno.Error()
		}
	} else if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || isForeign(err.Error()) {
		e.Text, e.temporary = fmt.Sprintf("what answers at %s doesn't speak %s", t.base.Host, strings.ToUpper(t.base.Scheme)), false
	} else {
		e.Text = t.line(err.Error())
	}
	return e
}

// isForeign reports whether an error of package net/http says that the server doesn't
// speak HTTP. The beginning of an interrupted answer does not count.
func isForeign(text string) bool {
	if strings.Contains(text, "gave HTTP response to HTTPS") {
		return true
	}
	_, said, ok := strings.Cut(text, "malformed HTTP response \"")
	said = strings.TrimSuffix(said, "\"")
	return ok && !strings.HasPrefix(said, "HTTP/") && !strings.HasPrefix("HTTP/", said)
}

// errSilent is the reason why a request is given up.
type errSilent time.Duration

func (e errSilent) Error() string {
	return fmt.Sprintf("the server was silent for %s", time.Duration(e))
}

// line makes a short line of a foreign text, without secrets.
func (t *Target) line(text string) string {
	text = t.auth.redact(text)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}
