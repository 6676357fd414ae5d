package ignore

import (
	"slices"
	"strings"
)

// whole returns what the body of a pattern is in the tree, if it is a whole path.
func (p *Place) whole(body string, follow bool) (found []string, ok bool, err error) {
	if rest, home := strings.CutPrefix(body, "~/"); home && p.Home != "" {
		body = escape(strings.TrimSuffix(p.Home, "/")) + "/" + rest
	}
	if !isWhole(body) {
		return nil, false, nil
	}
	f := finding{p: p}
	f.raw(body)
	names := cleanNames(strings.Split(body, "/"))
	f.add(names)
	if p.Links != nil {
		f.linked(names, follow)
	}
	return f.found, f.ok, f.err
}

// isWhole reports whether a pattern could be a whole path: it begins with a slash or the
// name of a drive.
func isWhole(body string) bool {
	return strings.HasPrefix(body, "/") || len(body) > 2 && body[1] == ':' && body[2] == '/'
}

// A finding is what a whole path is in the roots of a Place.
type finding struct {
	p     *Place
	found []string
	ok    bool // the path leads into a root
	err   error
}

// raw searches for a root whose path is in the pattern literally, whatever its bytes mean
// in patterns.
func (f *finding) raw(body string) {
	for _, r := range f.p.Roots {
		for _, path := range r.Paths {
			path = strings.TrimSuffix(path, "/")
			if !strings.ContainsAny(path, special) {
				continue // add will find it
			}
			if rest, ok := strings.CutPrefix(body, path); ok && (rest == "" || rest[0] == '/') {
				f.in(r, rest)
			}
		}
	}
}

// add searches for the roots to which the names of a pattern lead, and reports whether
// there are any.
func (f *finding) add(names []string) (ok bool) {
	for _, r := range f.p.Roots {
		for _, path := range r.Paths {
			rests, above := walkNames(names, strings.Split(strings.TrimSuffix(path, "/"), "/"))
			for _, rest := range rests {
				f.in(r, rest)
				ok = true
			}
			if above && f.p.Ways && r.At != "" {
				f.put(strings.Join(names[1:], "/"))
				ok = true
			}
		}
	}
	return ok
}

// in adds what is in a root: the root itself if the rest of the pattern is empty.
func (f *finding) in(r Root, rest string) {
	f.ok = true
	switch {
	case strings.Trim(rest, "/") != "":
		for _, text := range rebase(r.At, rest) {
			f.put(text)
		}
	case r.At != "":
		f.put("/" + escape(r.At))
	case f.p.Whole != "":
		f.put(f.p.Whole)
	default:
		f.err = errWhole
	}
}

func (f *finding) put(text string) {
	f.ok = true
	if !strings.HasPrefix(text, "/") {
		text = "/" + text
	}
	if !slices.Contains(f.found, text) {
		f.found = append(f.found, text)
	}
}

// linked searches for the roots to which the pattern leads through links. A link that is
// the last name is meant itself, unless the rest shows that a directory is meant.
func (f *finding) linked(names []string, follow bool) {
	n := 1
	for n < len(names) && isLiteral(names[n]) {
		n++
	}
	literal := names[:n]
	last := ""
	if n == len(names) && !follow && n > 1 {
		literal, last = names[:n-1], names[n-1]
	}
	if !f.through(literal, last, names[n:]) && last != "" && !f.ok {
		f.through(names, "", nil)
	}
}

// through searches for a pattern whose literal names are a path with links.
func (f *finding) through(literal []string, last string, rest []string) (ok bool) {
	path := unescape(strings.Join(literal, "/"))
	if path == "" {
		return false
	}
	real := strings.TrimSuffix(f.p.Links(path), "/")
	if real == path {
		return false
	}
	names := strings.Split(escape(real), "/")
	if last != "" {
		names = append(names, last)
	}
	return f.add(append(names, rest...))
}
