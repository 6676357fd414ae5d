package s3

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ParseURL returns the options in a URL:
//
//	s3://bucket/prefix?endpoint=minio.lan:9000&insecure=1&style=path
//
// The parameters are endpoint (a host, host:port, or an http or https URL of one),
// region, style (path or virtual), insecure (1 for plain HTTP), storage-class, sse,
// checksum, object-lock (a time such as 30d, 12h or 1y), lock-mode, and delete-versions
// (1). Each sets the field of Options with that name.
//
// A URL must not contain credentials: they would be in process lists, shell histories and
// logs. An error never quotes what might be credentials.
func ParseURL(s string) (Options, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Options{}, errors.New("s3: the URL can't be read: want s3://bucket/prefix?endpoint=…")
	}
	switch {
	case u.Scheme != "s3" || u.Opaque != "" || u.Host == "":
		return Options{}, errors.New("s3: want a URL like s3://bucket/prefix?endpoint=…")
	case u.User != nil:
		return Options{}, errors.New("s3: credentials don't belong in a URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
	case u.Fragment != "":
		return Options{}, errors.New("s3: the URL has a # in it")
	case u.Port() != "":
		return Options{}, errors.New("s3: s3:// is followed by the bucket; the host and its port go to endpoint=")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Options{}, errors.New("s3: the URL's parameters can't be read")
	}
	o := Options{Bucket: u.Host, Prefix: strings.TrimPrefix(u.Path, "/")}
	for name, values := range query {
		set, known := parameters[name]
		if !known {
			return Options{}, fmt.Errorf("s3: unknown parameter%s", harmless(name))
		}
		if len(values) > 1 {
			return Options{}, fmt.Errorf("s3: the parameter %s is given twice", name)
		}
		if err := set(&o, values[0]); err != nil {
			return Options{}, fmt.Errorf("s3: %s: %w", name, err)
		}
	}
	if o.Insecure && strings.HasPrefix(query.Get("endpoint"), "https://") {
		return Options{}, errors.New("s3: the endpoint is https, which contradicts insecure")
	}
	normal, err := o.normal()
	if err != nil {
		return Options{}, err
	}
	o.Prefix = normal.Prefix
	return o, nil
}

// harmless quotes a parameter's name, unless it might be a secret in the wrong place.
func harmless(name string) string {
	if len(name) > 20 || strings.ContainsFunc(name, func(c rune) bool { return (c < 'a' || c > 'z') && c != '-' && c != '_' }) {
		return " of that name"
	}
	return " " + name
}

var parameters = map[string]func(o *Options, value string) error{
	"endpoint":        setEndpoint,
	"region":          func(o *Options, v string) error { o.Region = v; return nil },
	"style":           func(o *Options, v string) error { o.Style = Style(v); return nil },
	"insecure":        func(o *Options, v string) error { return setBool(&o.Insecure, v) },
	"storage-class":   func(o *Options, v string) error { o.StorageClass = v; return nil },
	"sse":             func(o *Options, v string) error { o.SSE = v; return nil },
	"checksum":        func(o *Options, v string) error { o.Checksum = v; return nil },
	"lock-mode":       func(o *Options, v string) error { o.LockMode = v; return nil },
	"delete-versions": func(o *Options, v string) error { return setBool(&o.DeleteVersions, v) },
	"object-lock": func(o *Options, v string) (err error) {
		o.ObjectLock, err = parsePeriod(v)
		return err
	},
}

func setEndpoint(o *Options, v string) error {
	if rest, ok := strings.CutPrefix(v, "http://"); ok {
		o.Insecure = true
		v = rest
	} else {
		v = strings.TrimPrefix(v, "https://")
	}
	o.Endpoint = strings.TrimSuffix(v, "/")
	return nil
}

// setBool sets a value that another parameter may have set already.
func setBool(to *bool, v string) error {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return errors.New("want 1 or 0")
	}
	*to = *to || b
	return nil
}

// parsePeriod parses a count and a unit: hours, days, weeks or years (of 365 days).
func parsePeriod(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	units := map[byte]time.Duration{'h': time.Hour, 'd': day, 'w': 7 * day, 'y': 365 * day}
	bad := errors.New("want a number and h, d, w or y, such as 30d")
	if len(s) < 2 {
		return 0, bad
	}
	unit, ok := units[s[len(s)-1]]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 16)
	if !ok || err != nil || n == 0 {
		return 0, bad
	}
	if n > uint64(100*365*day/unit) {
		return 0, errors.New("longer than 100 years")
	}
	return time.Duration(n) * unit, nil
}
