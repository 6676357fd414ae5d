package connect

import (
	"fmt"
	"strings"
)

// A netrcEntry is how to log in to a machine.
type netrcEntry struct {
	machine         string // empty for all others
	login, password string
}

// findNetrc returns the first entry for a host or host:port and, if it isn't empty,
// a user.
func findNetrc(entries []netrcEntry, host, hostPort, user string) (netrcEntry, bool) {
	for _, e := range entries {
		machine := e.machine == "" || strings.EqualFold(e.machine, host) || strings.EqualFold(e.machine, hostPort)
		if machine && (user == "" || e.login == "" || e.login == user) {
			return e, true
		}
	}
	return netrcEntry{}, false
}

// parseNetrc reads a file as ftp(1) has it, and curl and git take it: words apart by
// white space, machine NAME or default, each followed by login, password or account
// and a value. Macros and lines that begin with # are ignored. A value may
// be in double quotes, with \", \\, \n, \r and \t in it. An error never quotes a word,
// as that may be a password.
func parseNetrc(text string) ([]netrcEntry, error) {
	s := &netrcScanner{text: text, line: 1}
	var entries []netrcEntry
	for {
		word, ok, err := s.word()
		if err != nil || !ok {
			return entries, err
		}
		switch word {
		case "default":
			entries = append(entries, netrcEntry{})
			continue
		case "macdef":
			s.skipMacro()
			continue
		case "machine", "login", "password", "account":
		default:
			return nil, s.errorf("it has something else than machine, default, login, password, account and macdef")
		}
		value, ok, err := s.word()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, s.errorf("%s has no value", word)
		}
		if word == "machine" {
			if value == "" {
				return nil, s.errorf("the machine's name is empty")
			}
			entries = append(entries, netrcEntry{machine: value})
			continue
		}
		if len(entries) == 0 {
			return nil, s.errorf("%s comes before any machine", word)
		}
		switch e := &entries[len(entries)-1]; word {
		case "login":
			e.login = value
		case "password":
			e.password = value
		}
	}
}

// A netrcScanner cuts a file in words.
type netrcScanner struct {
	text string // what is left
	line int
	in   bool // the line has had a word
}

func (s *netrcScanner) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", s.line, fmt.Sprintf(format, args...))
}

// next removes the first byte.
func (s *netrcScanner) next() byte {
	c := s.text[0]
	s.text = s.text[1:]
	if c == '\n' {
		s.line++
		s.in = false
	}
	return c
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// word returns the next word, if there is one.
func (s *netrcScanner) word() (word string, ok bool, err error) {
	for s.text != "" && (isSpace(s.text[0]) || s.text[0] == '#' && !s.in) {
		if s.text[0] == '#' {
			s.skipLine()
			continue
		}
		s.next()
	}
	if s.text == "" {
		return "", false, nil
	}
	s.in = true
	if s.text[0] == '"' {
		return s.quoted()
	}
	end := strings.IndexAny(s.text, " \t\r\n")
	if end < 0 {
		end = len(s.text)
	}
	word, s.text = s.text[:end], s.text[end:]
	return word, true, nil
}

func (s *netrcScanner) quoted() (word string, ok bool, err error) {
	begin := s.line
	s.next()
	var b strings.Builder
	for s.text != "" {
		switch c := s.next(); {
		case c == '"':
			s.in = true
			return b.String(), true, nil
		case c == '\\' && s.text != "":
			c = s.next()
			if escaped, ok := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}[c]; ok {
				c = escaped
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return "", false, fmt.Errorf("line %d: a quote has no end", begin)
}

func (s *netrcScanner) skipLine() {
	for s.text != "" && s.next() != '\n' {
	}
}

// skipMacro goes behind a macro, which ends at an empty line.
func (s *netrcScanner) skipMacro() {
	s.skipLine() // its name
	for s.text != "" && !strings.HasPrefix(s.text, "\n") && !strings.HasPrefix(s.text, "\r\n") {
		s.skipLine()
	}
}
