package ignore

import (
	"errors"
	"strings"
)

// A pattern is the meaning of a Rule's text.
type pattern struct {
	negated  bool
	dirOnly  bool
	anchored bool // matched against the path below the ignore file, not against the last name
	glob
}

// never reports whether a pattern matches nothing, like the zero pattern.
func (p *pattern) never() bool { return p.isLiteral() && p.prefix == "" }

// compile parses a pattern. A pattern that can't match anything is an error.
func compile(text string) (pattern, error) {
	var p pattern
	body, negated := strings.CutPrefix(text, "!")
	body, dirOnly := strings.CutSuffix(body, "/")
	anchored := strings.IndexByte(body, '/') >= 0
	if anchored {
		body = strings.TrimPrefix(body, "/")
	}
	if body == "" {
		return p, errors.New("empty")
	}
	if strings.HasSuffix(body, "/") {
		return p, errors.New("two slashes at the end, which no path has")
	}
	ops, err := parseGlob(body)
	if err != nil {
		return p, err
	}
	if ops[0].kind == opDirs && !crosses(ops[1:]) {
		anchored, ops = false, ops[1:] // **/name is the same as name
	}
	return pattern{negated, dirOnly, anchored, newGlob(ops)}, nil
}

// crosses reports whether the ops can match a slash.
func crosses(ops []op) bool {
	for _, o := range ops {
		switch o.kind {
		case opDirs, opThrough, opRest:
			return true
		case opLiteral:
			if strings.IndexByte(o.literal, '/') >= 0 {
				return true
			}
		}
	}
	return false
}

// A globParser converts the text of a glob to ops.
type globParser struct {
	text    string
	at      int
	begin   int // where the literal prefix ends; ** may begin there
	ops     []op
	pending []byte // the literal that is being parsed
}

// special are the bytes with a special meaning.
const special = `*?[\`

func parseGlob(text string) ([]op, error) {
	p := globParser{text: text, begin: strings.IndexAny(text, special)}
	if p.begin < 0 {
		return []op{{kind: opLiteral, literal: text}}, nil
	}
	p.literal(p.begin)
	for p.at < len(text) {
		switch text[p.at] {
		case '*':
			p.stars()
		case '?':
			p.add(op{kind: opAny})
			p.at++
		case '[':
			set, rest, err := parseSet(text[p.at+1:])
			if err != nil {
				return nil, err
			}
			p.add(op{kind: opSet, set: set})
			p.at = len(text) - len(rest)
		case '\\':
			if p.at++; p.at == len(text) {
				return nil, errors.New(`a lone \ at the end`)
			}
			p.literal(1)
		default:
			p.literal(1)
		}
	}
	p.flush()
	return p.ops, nil
}

// literal takes the next n bytes literally.
func (p *globParser) literal(n int) {
	p.pending = append(p.pending, p.text[p.at:p.at+n]...)
	p.at += n
}

// flush ends the literal that is being parsed.
func (p *globParser) flush() {
	if len(p.pending) > 0 {
		p.ops = append(p.ops, op{kind: opLiteral, literal: string(p.pending)})
		p.pending = p.pending[:0]
	}
}

// stars parses a run of asterisks. Two or more cross slashes if they are a whole name of
// the path; any other run is the same as one asterisk.
func (p *globParser) stars() {
	first := p.at
	rest := strings.TrimLeft(p.text[first:], "*")
	p.at = len(p.text) - len(rest)
	whole := p.at-first > 1 && (first == p.begin || p.text[first-1] == '/')
	switch {
	case whole && rest == "":
		p.add(op{kind: opRest})
	case whole && rest[0] == '/':
		p.at++
		p.add(op{kind: opDirs})
	case whole && strings.HasPrefix(rest, `\/`):
		// For git, an escaped slash must be there.
		p.at += 2
		p.add(op{kind: opThrough})
		p.add(op{kind: opDirs})
	default:
		p.add(op{kind: opStar})
	}
}

// add appends an op. After **/ another **/ adds nothing, and ** replaces it.
func (p *globParser) add(o op) {
	p.flush()
	last := len(p.ops) - 1
	if last >= 0 && p.ops[last].kind == opDirs && (o.kind == opDirs || o.kind == opRest) {
		p.ops = p.ops[:last]
	}
	p.ops = append(p.ops, o)
}
