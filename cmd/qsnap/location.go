package main

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A location is where a repository is kept, as a user writes it: a directory, or
// what a scheme makes of the rest. Printing it shows no secret.
type location struct {
	scheme string   // in lower case; empty for a directory
	rest   string   // behind the scheme and its colon, or the directory
	url    *url.URL // if the rest begins with two slashes
	shown  string
}

// String returns the location without secrets.
func (l location) String() string { return l.shown }

// isScheme tells schemes from what else may stand before a colon: a drive's letter,
// a directory whose name has a dot, a user at a host.
var isScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+-]+$`).MatchString

// parseLocation reads a location. One with a password in it is refused, and one of a
// scheme that isn't known.
func parseLocation(text string) (location, error) {
	l, err := readLocation(text)
	return l, usage(err)
}

func readLocation(text string) (location, error) {
	scheme, rest, colon := strings.Cut(text, ":")
	switch {
	case text == "":
		return location{}, errors.New("the name of the repository is empty")
	case colon && strings.Contains(scheme, "@") && !strings.ContainsAny(scheme, `/\`):
		shown := redact(text)
		return location{}, hint{fmt.Errorf("%q: this is not a way to name a repository", shown), "over SSH it is sftp://USER@HOST/DIRECTORY; a directory with such a name is written ./" + shown}
	case !colon || !isScheme(scheme):
		return location{rest: text, shown: text}, nil
	}
	l := location{scheme: strings.ToLower(scheme), rest: rest, shown: redact(text)}
	if !strings.HasPrefix(rest, "//") {
		_, err := l.kind()
		return l, err
	}
	u, err := url.Parse(text)
	if err != nil { // which repeats a part of the text
		return location{}, hint{fmt.Errorf("%q can't be read as a URL", l.shown), "in names and paths, write special characters as % and two hexadecimal digits"}
	}
	if _, secret := u.User.Password(); secret {
		return location{}, hint{fmt.Errorf("%q has a password in it, which all processes can see", l.shown), "put it in QSNAP_TARGET_PASSWORD, a file named by QSNAP_TARGET_PASSWORD_FILE, or ~/.netrc"}
	}
	l.url = u
	_, err = l.kind()
	return l, err
}

// secretKey matches the names of a URL's parameters whose values are not shown.
var secretKey = regexp.MustCompile(`(?i)pass|secret|token|key|sig|cred|auth`).MatchString

// redact returns a location's text without what may be secret: passwords, and
// values of parameters that sound like it. Where it is not clear how far a password
// goes, as it may have any character in it, rather too much is left out.
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
