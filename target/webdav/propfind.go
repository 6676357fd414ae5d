package webdav

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// propfindBody requests the properties that List needs, and no others.
const propfindBody = `<?xml version="1.0" encoding="utf-8"?>` + "\n" +
	`<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/></prop></propfind>`

// A resource holds the properties of one resource in an answer to PROPFIND.
type resource struct {
	href   string
	status int // of the resource as a whole, or 0
	dir    bool
	size   int64 // -1 if unknown
	free   int64 // quota-available-bytes (RFC 4331), or -1
	used   int64 // quota-used-bytes, or -1
}

// Limits of answers: anything larger is not a listing.
const (
	maxToken = 1 << 20 // bytes of one tag or text
	maxDepth = 100
)

// parseMultistatus calls each with every response of a multistatus element, while it is
// received (RFC 4918, 13). It returns an error unless the element is complete and well
// formed.
func parseMultistatus(r io.Reader, each func(resource) error) error {
	bounded := &tokenReader{r: r}
	d := xml.NewDecoder(bounded)
	p := multistatus{each: each}
	for {
		bounded.left = maxToken
		token, err := d.Token()
		if err == io.EOF && p.done {
			return nil
		}
		if err == io.EOF {
			err = errors.New("it is no multistatus element")
		}
		if err == nil {
			err = p.take(token)
		}
		if err != nil {
			return err
		}
	}
}

// errTrailing is how Go's WebDAV server, and so rclone's, reveals that it broke off: an
// otherwise well-formed listing is followed by something.
var errTrailing = errors.New("something follows its end, so it may not be whole")

// A tokenReader fails on a token that is too long to be legitimate.
type tokenReader struct {
	r    io.Reader
	left int
}

func (t *tokenReader) Read(p []byte) (int, error) {
	if t.left <= 0 {
		return 0, errors.New("an element is too long")
	}
	n, err := t.r.Read(p)
	t.left -= n
	return n, err
}

// A multistatus is the state of the parser.
type multistatus struct {
	each func(resource) error
	path []string // names of the open elements; those of other namespaces are "?"
	text strings.Builder
	done bool

	resource       // of the open response
	found    props // of the open propstat
	ok       bool  // the propstat's status is 200 or absent
}

type props struct {
	dir              bool
	size, free, used int64
}

var noProps = props{size: -1, free: -1, used: -1}

func (p *multistatus) take(token xml.Token) error {
	switch token := token.(type) {
	case xml.StartElement:
		name := token.Name.Local
		if token.Name.Space != "DAV:" {
			name = "?"
		}
		if len(p.path) == 0 && (p.done || name != "multistatus") {
			return fmt.Errorf("it is a %q element, no multistatus", token.Name.Local)
		}
		if len(p.path) == maxDepth {
			return errors.New("elements are nested too deep")
		}
		p.path = append(p.path, name)
		p.text.Reset()
		switch p.at() {
		case "response":
			p.resource = resource{size: -1, free: -1, used: -1}
		case "response/propstat":
			p.found, p.ok = noProps, true
		case "response/propstat/prop/resourcetype/collection":
			p.found.dir = true
		}
	case xml.CharData:
		if p.done && strings.TrimSpace(string(token)) != "" {
			return errTrailing
		}
		if p.text.Len()+len(token) > maxToken {
			return errors.New("an element is too long")
		}
		p.text.Write(token)
	case xml.EndElement:
		err := p.end(strings.TrimSpace(p.text.String()))
		p.path = p.path[:len(p.path)-1]
		p.done = len(p.path) == 0
		p.text.Reset()
		return err
	case xml.Directive:
		return errors.New("it has a document type")
	}
	return nil
}

// at returns the path of the open element, below the multistatus.
func (p *multistatus) at() string { return strings.Join(p.path[1:], "/") }

// end processes the end of an element.
func (p *multistatus) end(text string) error {
	number := func(to *int64) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
			*to = n
		}
	}
	switch p.at() {
	case "response/href":
		if p.href == "" {
			p.href = text
		}
	case "response/status":
		p.status = statusCode(text)
	case "response/propstat/status":
		p.ok = statusCode(text) == 200
	case "response/propstat/prop/getcontentlength":
		number(&p.found.size)
	case "response/propstat/prop/quota-available-bytes":
		number(&p.found.free)
	case "response/propstat/prop/quota-used-bytes":
		number(&p.found.used)
	case "response/propstat":
		if f := p.found; p.ok {
			p.dir = p.dir || f.dir
			p.size, p.free, p.used = max(p.size, f.size), max(p.free, f.free), max(p.used, f.used)
		}
	case "response":
		if p.href == "" {
			return errors.New("a response without an href")
		}
		return p.each(p.resource)
	}
	return nil
}

// statusCode returns the number in "HTTP/1.1 200 OK", or -1.
func statusCode(line string) int {
	if f := strings.Fields(line); len(f) >= 2 {
		if n, err := strconv.Atoi(f[1]); err == nil && n > 0 {
			return n
		}
	}
	return -1
}
