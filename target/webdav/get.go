package webdav

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// plain returns a header that requests the bytes as stored.
func plain() http.Header { return http.Header{"Accept-Encoding": {"identity"}} }

// Get implements target.Target.
func (t *Target) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if err := checkName(ctx, name); err != nil {
		return nil, err
	}
	c := call{op: "get", name: name, method: http.MethodGet, url: t.url(name), header: plain()}
	if off < 0 {
		return nil, beyond(c, off, n, -1)
	}
	if n == 0 { // HTTP ranges can't be empty
		info, err := t.stat(ctx, "get", name)
		if err != nil {
			return nil, err
		}
		if off > info.Size {
			return nil, beyond(c, off, n, info.Size)
		}
		return http.NoBody, nil
	}
	if off > 0 || n > 0 {
		end := ""
		if n > 0 {
			end = strconv.FormatInt(off+n-1, 10)
		}
		c.header.Set("Range", fmt.Sprintf("bytes=%d-%s", off, end))
	}
	resp, err := t.send(ctx, c)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		return nil, t.failed(c, resp)
	}
	r, err := t.content(ctx, c, resp, off, n)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return r, nil
}

// beyond returns the error for a range beyond the end.
func beyond(c call, off, n, size int64) error {
	of := ""
	if size >= 0 {
		of = fmt.Sprintf(" of %d", size)
	}
	return &Error{Op: c.op, Name: c.name, Text: fmt.Sprintf("%d bytes at %d%s are not there", n, off, of)}
}

// content returns the range of an object from an answer, after checking that the answer
// has it.
func (t *Target) content(ctx context.Context, c call, resp *http.Response, off, n int64) (io.ReadCloser, error) {
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, t.nonsense(c, "encodes the bytes as "+e+", which it was not asked for")
	}
	switch resp.StatusCode {
	case http.StatusPartialContent:
		first, last, total, ok := contentRange(resp.Header.Get("Content-Range"))
		length := last - first + 1
		switch {
		case !ok || first != off || c.header.Get("Range") == "" || n > 0 && length > n || resp.ContentLength >= 0 && resp.ContentLength != length:
			return nil, t.nonsense(c, fmt.Sprintf("answers %q to the range %q", resp.Header.Get("Content-Range"), c.header.Get("Range")))
		case n > 0 && length < n || n < 0 && total >= 0 && last != total-1:
			return nil, beyond(c, off, n, total)
		}
		return &exactReader{r: resp.Body, t: t, c: c, left: length}, nil
	case http.StatusRequestedRangeNotSatisfiable:
		_, _, total, _ := contentRange(resp.Header.Get("Content-Range"))
		if total < 0 {
			info, err := t.stat(ctx, c.op, c.name)
			if err != nil {
				return nil, err
			}
			total = info.Size
		}
		if n > 0 || off != total {
			return nil, beyond(c, off, n, total)
		}
		resp.Body.Close()
		return http.NoBody, nil
	case http.StatusOK:
		return t.whole(ctx, c, resp, off, n)
	}
	return nil, t.nonsense(c, "answers "+resp.Status)
}

// whole returns a range of an object from an answer with the whole object, as sent by
// servers without ranges.
func (t *Target) whole(ctx context.Context, c call, resp *http.Response, off, n int64) (io.ReadCloser, error) {
	size := resp.ContentLength
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
		// This may be a login page, or an index of a collection.
		info, err := t.stat(ctx, c.op, c.name)
		if err != nil {
			return nil, err
		}
		if size != info.Size {
			return nil, t.nonsense(c, "answers with a web page")
		}
	}
	if size >= 0 && (off > size || n > size-off) {
		return nil, beyond(c, off, n, size)
	}
	skipped, err := io.CopyN(io.Discard, resp.Body, off)
	if err == io.EOF {
		return nil, beyond(c, off, n, skipped)
	}
	if err != nil {
		return nil, err
	}
	if n < 0 && size >= 0 {
		n = size - off
	}
	// Without a length the server decides where the object ends, and a range may be cut
	// out.
	return &exactReader{r: resp.Body, t: t, c: c, left: n, more: n < 0 || n < size-off || size < 0}, nil
}

// contentRange parses a Content-Range header (RFC 9110, 14.4). total is -1 if unknown;
// first and last are -1 if there is no range.
func contentRange(header string) (first, last, total int64, ok bool) {
	header, ok = strings.CutPrefix(strings.ToLower(header), "bytes ")
	bounds, size, found := strings.Cut(strings.TrimSpace(header), "/")
	first, last, total = -1, -1, -1
	if !ok || !found {
		return first, last, total, false
	}
	if n, err := strconv.ParseInt(size, 10, 64); err == nil && n >= 0 {
		total = n
	} else if size != "*" {
		return first, last, total, false
	}
	a, b, _ := strings.Cut(bounds, "-")
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil || x < 0 || y < x || total >= 0 && y >= total {
		return -1, -1, total, false
	}
	return x, y, total, true
}

// An exactReader reads exactly left bytes, or up to the end if left is negative.
type exactReader struct {
	r    io.ReadCloser
	t    *Target
	c    call
	left int64
	more bool // the answer continues after the range
}

func (s *exactReader) Read(p []byte) (int, error) {
	if s.left < 0 {
		return s.r.Read(p)
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if err == io.EOF && s.left > 0 {
		err = &Error{Op: s.c.op, Name: s.c.name, Text: fmt.Sprintf("the server left out %d bytes", s.left), Err: io.ErrUnexpectedEOF, temporary: true}
	}
	if err == nil && s.left == 0 && !s.more {
		err = s.end()
	}
	return n, err
}

// end reads the end of the answer, so that its connection can be reused.
func (s *exactReader) end() error {
	var one [1]byte
	n, err := s.r.Read(one[:])
	if n > 0 {
		return s.t.nonsense(s.c, "sends more bytes than it announced")
	}
	return err
}

// Close implements io.Closer.
func (s *exactReader) Close() error { return s.r.Close() }
