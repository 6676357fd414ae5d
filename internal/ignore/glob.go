package ignore

import "strings"

// A glob is a literal prefix, ops, and a literal suffix. Most texts that don't match have
// another prefix or suffix, or lack the longest literal of the ops.
type glob struct {
	prefix, suffix string
	longest        string
	ops            []op
	min            int // length of the shortest matching text
}

// An op matches some bytes.
type op struct {
	kind    opKind
	literal string
	set     *byteSet
}

type opKind byte

const (
	opLiteral opKind = iota
	opAny            // ?: one byte, no slash
	opSet            // [a-z]: one byte, no slash
	opStar           // *: bytes without a slash
	opDirs           // **/: nothing, or bytes up to a slash
	opThrough        // bytes up to the next slash
	opRest           // ** at the end: all bytes
)

func newGlob(ops []op) glob {
	var g glob
	for _, o := range ops {
		switch o.kind {
		case opLiteral:
			g.min += len(o.literal)
		case opAny, opSet, opThrough:
			g.min++
		}
	}
	if len(ops) > 0 && ops[0].kind == opLiteral {
		g.prefix, ops = ops[0].literal, ops[1:]
	}
	if last := len(ops) - 1; last >= 0 && ops[last].kind == opLiteral {
		g.suffix, ops = ops[last].literal, ops[:last]
	}
	g.ops = ops
	for _, o := range ops {
		if len(o.literal) > len(g.longest) {
			g.longest = o.literal
		}
	}
	return g
}

// isLiteral reports whether the glob matches its prefix and nothing else.
func (g *glob) isLiteral() bool { return len(g.ops) == 0 }

// isSuffix reports whether the glob matches exactly the texts that end with its suffix.
func (g *glob) isSuffix() bool {
	return g.prefix == "" && g.suffix != "" && len(g.ops) == 1 && g.ops[0].kind == opStar
}

func (g *glob) match(text string) bool {
	if len(text) < g.min || !strings.HasPrefix(text, g.prefix) || !strings.HasSuffix(text, g.suffix) {
		return false
	}
	text = text[len(g.prefix) : len(text)-len(g.suffix)]
	return strings.Contains(text, g.longest) && matchOps(g.ops, text)
}

// matchOps reports whether the ops match the whole text. It takes on the order of
// len(ops) times len(text) steps, because only the last * and the last **/ ever need to
// match more:
//
//   - The ops between two **/ begin at the start of a name and end with a slash.
//     If they match several parts of the text, the first is as good as any,
//     because the second **/ can match the rest.
//   - The same is true for the ops between two * of one name. And a name of the
//     ops that has been matched with one name of the text can't be matched with
//     another, because only slashes match slashes.
func matchOps(ops []op, text string) bool {
	m := matcher{ops: ops, text: text, star: -1, dirs: -1}
	for m.p < len(ops) || m.t < len(text) {
		if !m.advance() && !m.retry() {
			return false
		}
	}
	return true
}

type matcher struct {
	ops           []op
	text          string
	p, t          int // everything before is matched
	star, starEnd int // the op after the last *, and the end of what * matches
	dirs, dirsEnd int // the same for the last **/
}

// advance matches the next op; * and **/ match nothing at first.
func (m *matcher) advance() bool {
	if m.p == len(m.ops) {
		return false
	}
	o := &m.ops[m.p]
	n := 0
	switch o.kind {
	case opStar:
		m.star, m.starEnd = m.p+1, m.t
	case opDirs:
		m.star, m.dirs, m.dirsEnd = -1, m.p+1, m.t
	case opThrough:
		m.star, m.dirs = -1, -1 // matching more before it would leave fewer slashes
		n = afterSlash(m.text[m.t:])
		if n == 0 {
			return false
		}
	case opRest:
		n = len(m.text) - m.t
	default:
		n = o.length(m.text[m.t:])
		if n == 0 {
			return false
		}
	}
	m.p, m.t = m.p+1, m.t+n
	return true
}

// retry goes back after a mismatch: the last * matches one more byte, or else the last
// **/ one more name.
func (m *matcher) retry() bool {
	if m.star >= 0 && m.starEnd < len(m.text) && m.text[m.starEnd] != '/' {
		m.starEnd++
		m.p, m.t = m.star, m.starEnd
		return true
	}
	if m.dirs < 0 {
		return false
	}
	n := afterSlash(m.text[m.dirsEnd:])
	m.dirsEnd += n
	m.p, m.t, m.star = m.dirs, m.dirsEnd, -1
	return n > 0
}

// afterSlash returns the length of the text up to and including its first slash, or 0 if
// it has none.
func afterSlash(text string) int { return strings.IndexByte(text, '/') + 1 }

// length returns how many bytes the op matches at the beginning of the text, or 0 if it
// does not match. It is for ops that match a fixed number of bytes.
func (o *op) length(text string) int {
	switch {
	case o.kind == opLiteral && strings.HasPrefix(text, o.literal):
		return len(o.literal)
	case o.kind == opAny && text != "" && text[0] != '/', o.kind == opSet && text != "" && o.set.has(text[0]):
		return 1
	}
	return 0
}
