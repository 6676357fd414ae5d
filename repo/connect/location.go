package connect

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A Location is where a target is, as a person writes it: a directory, or a scheme, a colon
// and what the scheme makes of the rest. Printing it shows no secret; converting it to a
// string does.
type Location string

// Directory returns the location of a directory, whatever its name looks like.
func Directory(dir string) Location {
	if e, err := Location(dir).read(); err != nil || e.Scheme != "" {
		return Location("local:" + dir)
	}
	return Location(dir)
}

// String returns the location without passwords, and without the values of parameters that
// may be secret.
func (l Location) String() string { return redact(string(l)) }

// Directory returns the directory that the location is, or "" if it is something else.
func (l Location) Directory() string {
	if e, err := l.read(); err == nil && (e.Scheme == "" || e.Scheme == "local") {
		return e.Rest
	}
	return ""
}

// isScheme tells schemes from what else may come before a colon: a drive's letter, a
// directory whose name has a dot, a user at a host.
var isScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+-]+$`).MatchString

// read reads a location. One with a password in it is refused.
func (l Location) read() (Endpoint, error) {
	text := string(l)
	scheme, rest, colon := strings.Cut(text, ":")
	switch {
	case text == "":
		return Endpoint{}, errors.New("the name of the repository is empty")
	case colon && strings.Contains(scheme, "@") && !strings.ContainsAny(scheme, `/\`):
		return Endpoint{}, fmt.Errorf("%q: this is not a way to name a repository: over SSH it is sftp://USER@HOST/DIRECTORY; a directory with such a name is written ./%s", l, l)
	case !colon || !isScheme(scheme):
		return Endpoint{Rest: text}, nil
	}
	e := Endpoint{Scheme: strings.ToLower(scheme), Rest: rest}
	if !strings.HasPrefix(rest, "//") {
		return e, nil
	}
	u, err := url.Parse(text)
	if err != nil { // which repeats a part of the text
		return Endpoint{}, fmt.Errorf("%q can't be read as a URL: in names and paths, write special characters as %% and two hexadecimal digits", l)
	}
	if _, secret := u.User.Password(); secret {
		return Endpoint{}, fmt.Errorf("%q has a password in it, which all processes can see: put it in QSNAP_TARGET_PASSWORD, a file named by QSNAP_TARGET_PASSWORD_FILE, or ~/.netrc", l)
	}
	e.URL = u
	return e, nil
}

// secretKey matches the names of a URL's parameters whose values are not shown.
var secretKey = regexp.MustCompile(`(?i)pass|secret|token|key|sig|cred|auth`).MatchString

// redact returns a location's text without what may be secret: passwords, and values of
// parameters that sound like it. Where it is not clear how far a password goes, as it may
// have any character in it, too much is left out rather than too little.
func redact(text string) string {
	if scheme, rest, ok := strings.Cut(text, "//"); ok {
		host := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			host = rest[:end]
		}
		if at := strings.LastIndex(host, "@"); at >= 0 {
			host = host[:at] // the user
		}
		end := strings.LastIndex(rest, "@")
		if name, _, ok := strings.Cut(host, ":"); ok && end >= 0 {
			text = scheme + "//" + name + ":***" + rest[end:]
		}
	}
	base, query, ok := strings.Cut(text, "?")
	if !ok {
		return text
	}
	var parameters []string
	for p := range strings.SplitSeq(query, "&") {
		if name, _, ok := strings.Cut(p, "="); ok && secretKey(name) {
			p = name + "=***"
		}
		parameters = append(parameters, p)
	}
	return base + "?" + strings.Join(parameters, "&")
}
