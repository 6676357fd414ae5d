package sftp

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A config holds what OpenSSH's configuration files say about one host: the first value
// of each keyword, and all values of IdentityFile.
type config struct {
	host      string // the user's name for it
	user      string // the user's name for it, or empty
	localUser string
	home      string
	values    map[string][]string // by keyword in lower case
}

// supported are the keywords that are read.
var supported = []string{
	"hostname", "port", "user", "identityfile", "identitiesonly", "identityagent",
	"userknownhostsfile", "globalknownhostsfile", "hostkeyalias", "proxyjump", "proxycommand",
}

// maxIncludes is how deep files may include others, the same as in OpenSSH.
const maxIncludes = 16

// readFile reads a configuration file, which need not exist.
func (c *config) readFile(name string) error {
	return c.include(name, 0)
}

func (c *config) include(name string, depth int) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return c.read(f, name, depth)
}

// read reads a configuration. Lines before its first Host or Match apply.
func (c *config) read(r io.Reader, name string, depth int) error {
	applies := true
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		keyword, rest, words, err := splitLine(lines.Text())
		switch {
		case err != nil:
		case keyword == "":
			continue
		case keyword == "host":
			applies = matchPatterns(words, c.host)
		case keyword == "match":
			applies = c.match(words)
		case keyword == "include" && applies:
			err = c.includeAll(words, name, depth+1)
		case applies && slices.Contains(supported, keyword):
			err = c.set(keyword, rest, words)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// set records the value of a keyword, if it is the first.
func (c *config) set(keyword, rest string, words []string) error {
	switch {
	case keyword == "proxycommand": // a shell splits it
		words = []string{rest}
	case len(words) == 0:
		return fmt.Errorf("%s has no value", keyword)
	}
	// The first of these two keywords decides about both.
	if keyword == "proxyjump" && c.values["proxycommand"] != nil || keyword == "proxycommand" && c.values["proxyjump"] != nil {
		return nil
	}
	switch {
	case keyword == "identityfile":
		if !slices.Contains(c.values[keyword], words[0]) {
			c.values[keyword] = append(c.values[keyword], words[0])
		}
	case c.values[keyword] == nil:
		c.values[keyword] = words
	}
	return nil
}

// first returns the first word of a keyword's value, or an empty string.
func (c *config) first(keyword string) string {
	if words := c.values[keyword]; len(words) > 0 {
		return words[0]
	}
	return ""
}

// includeAll reads the files that match patterns.
func (c *config) includeAll(patterns []string, from string, depth int) error {
	if depth > maxIncludes {
		return errors.New("too many files include each other")
	}
	for _, pattern := range patterns {
		switch rest, ok := strings.CutPrefix(pattern, "~/"); {
		case ok:
			pattern = filepath.Join(c.home, rest)
		case filepath.IsAbs(pattern):
		case strings.HasPrefix(from, "/etc/ssh/"):
			pattern = filepath.Join("/etc/ssh", pattern)
		default:
			pattern = filepath.Join(c.home, ".ssh", pattern)
		}
		names, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := c.include(name, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// match reports whether a Match block applies. A block with unknown criteria, or with
// criteria that require running a program, doesn't.
func (c *config) match(words []string) bool {
	if len(words) == 0 {
		return false
	}
	for len(words) > 0 {
		criterion, negated := strings.CutPrefix(strings.ToLower(words[0]), "!")
		words = words[1:]
		if criterion == "all" {
			if negated {
				return false
			}
			continue
		}
		if len(words) == 0 {
			return false
		}
		patterns := strings.Split(words[0], ",")
		words = words[1:]
		var matched bool
		switch criterion {
		case "host":
			host, err := c.hostName()
			matched = err == nil && matchPatterns(patterns, host)
		case "originalhost":
			matched = matchPatterns(patterns, c.host)
		case "user":
			matched = matchPatterns(patterns, cmp.Or(c.user, c.first("user"), c.localUser))
		case "localuser":
			matched = matchPatterns(patterns, c.localUser)
		default:
			return false
		}
		if matched == negated {
			return false
		}
	}
	return true
}

// hostName returns the host's real name, as far as it is known.
func (c *config) hostName() (string, error) {
	return expand(cmp.Or(c.first("hostname"), c.host), map[byte]string{'h': c.host})
}

// splitLine splits a line: the keyword in lower case, everything that follows it, and the
// words in that. An empty line or a comment has no keyword.
func splitLine(line string) (keyword, rest string, words []string, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", "", nil, nil
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		end = len(line)
	}
	keyword = strings.ToLower(strings.Trim(line[:end], `"`))
	rest = strings.TrimLeft(line[end:], " \t")
	if after, ok := strings.CutPrefix(rest, "="); ok {
		rest = strings.TrimLeft(after, " \t")
	}
	if slices.Contains(supported, keyword) || keyword == "host" || keyword == "match" || keyword == "include" {
		if words, err = splitWords(rest); err != nil && keyword == "proxycommand" {
			err = nil
		}
	}
	return keyword, rest, words, err
}

// splitWords splits at spaces that aren't quoted, and ends at a # that begins a word.
func splitWords(s string) ([]string, error) {
	var words []string
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		if s[i] == '#' {
			break
		}
		var word []byte
		var quote byte
		for ; i < len(s) && (quote != 0 || s[i] != ' ' && s[i] != '\t'); i++ {
			switch c := s[i]; {
			case c == '\\' && i+1 < len(s) && (strings.IndexByte(`"'\`, s[i+1]) >= 0 || quote == 0 && s[i+1] == ' '):
				i++
				word = append(word, s[i])
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case c == quote:
				quote = 0
			default:
				word = append(word, c)
			}
		}
		if quote != 0 {
			return nil, errors.New("a quote is not closed")
		}
		words = append(words, string(word))
	}
	return words, nil
}

// expand replaces %x by tokens['x']. Its errors don't quote s, which may be a command.
func expand(s string, tokens map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", errors.New("the value ends in %")
		}
		token, ok := tokens[s[i]]
		switch {
		case s[i] == '%':
			token = "%"
		case !ok:
			return "", fmt.Errorf("%%%c is not supported here", s[i])
		}
		b.WriteString(token)
	}
	return b.String(), nil
}
