package webdav

import "strings"

// A challenge is one challenge of a WWW-Authenticate header (RFC 9110, 11.6.1). Its
// scheme and the names of its parameters are in lower case.
type challenge struct {
	scheme string
	params map[string]string
}

// parseChallenges returns the challenges in one header. Commas separate challenges, and
// also the parameters of one: a word before "=" is a parameter, and a word before a space
// or the end begins a challenge. What can't be parsed is skipped.
func parseChallenges(header string) []challenge {
	var all []challenge
	s := scanner{header}
	for {
		s.skip(" \t,")
		if s.rest == "" {
			return all
		}
		word := s.token()
		if word == "" { // invalid here
			s.rest = s.rest[1:]
			continue
		}
		s.skip(" \t")
		if !strings.HasPrefix(s.rest, "=") || len(all) == 0 {
			all = append(all, challenge{strings.ToLower(word), map[string]string{}})
			s.token68()
			continue
		}
		s.rest = s.rest[1:]
		s.skip(" \t")
		params, name := all[len(all)-1].params, strings.ToLower(word)
		if _, twice := params[name]; !twice {
			params[name] = s.value()
		}
	}
}

type scanner struct{ rest string }

func (s *scanner) skip(chars string) { s.rest = strings.TrimLeft(s.rest, chars) }

// token reads a token, which is empty if there is none here.
func (s *scanner) token() string {
	n := 0
	for n < len(s.rest) && tokenChar(s.rest[n]) {
		n++
	}
	word := s.rest[:n]
	s.rest = s.rest[n:]
	return word
}

func tokenChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// token68 skips what follows a scheme up to the next comma, unless that is a parameter:
// no supported scheme uses it.
func (s *scanner) token68() {
	ahead := *s
	ahead.token()
	ahead.skip(" \t")
	if value, ok := strings.CutPrefix(ahead.rest, "="); ok {
		value = strings.TrimLeft(value, " \t")
		if value != "" && value[0] != '=' && value[0] != ',' {
			return
		}
	}
	if end := strings.IndexByte(s.rest, ','); end >= 0 {
		s.rest = s.rest[end:]
	} else {
		s.rest = ""
	}
}

// value reads a token or a quoted string.
func (s *scanner) value() string {
	if !strings.HasPrefix(s.rest, `"`) {
		return s.token()
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	s.rest = "" // the string is not terminated
	return b.String()
}

// quote returns a quoted string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
