package disk

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
)

// A Session tells one writer from all others, of any process and machine, and later ones
// whether it is still at work. Its text is in the names of what it hasn't finished.
//
//	mmmmmmmmbbbbbbbbnnnnnnnnxPIDxSTARTxrrrrrrrr
//
// m stands for the machine, b for its run since it was booted, n for the namespace in
// which PID and START name the process; r is random.
type Session string

// sessions are those of this process that have not ended.
var sessions sync.Map

// NewSession begins a session.
func NewSession() Session {
	var b [4]byte
	rand.Read(b[:])
	s := Session(fmt.Sprintf("%sx%xx%xx%s", here(), processID(), processStart(processID()), hex.EncodeToString(b[:])))
	sessions.Store(s, true)
	return s
}

// End says that nothing of the session is left, or ever will be finished.
func (s Session) End() { sessions.Delete(s) }

// here names the place where ids of processes are unique: machine, boot and namespace.
var here = sync.OnceValue(func() string {
	out := ""
	for _, part := range []string{machine(), boot(), namespace()} {
		h := fnv.New32a()
		h.Write([]byte(part))
		out += fmt.Sprintf("%08x", h.Sum32())
	}
	return out
})

// State is what is known of a session.
type State int

// The states.
const (
	Unknown State = iota // it is of another machine, or of a process that can't be seen from here
	Alive
	Dead
)

// State returns whether the session is still at work.
func (s Session) State() State {
	if _, ok := sessions.Load(s); ok {
		return Alive
	}
	fields := strings.Split(string(s), "x")
	if len(fields) != 4 || len(fields[0]) != len(here()) {
		return Unknown
	}
	pid, err1 := strconv.ParseUint(fields[1], 16, 31)
	start, err2 := strconv.ParseUint(fields[2], 16, 64)
	switch {
	case err1 != nil || err2 != nil || start == 0 || fields[0][:8] != here()[:8]:
		return Unknown
	case fields[0][8:16] != here()[8:16]:
		return Dead // the machine was booted since
	case fields[0] != here():
		return Unknown
	case int(pid) == processID():
		return Dead // it ended, or it would be among those of this process
	case processStart(int(pid)) == start:
		return Alive
	}
	return Dead
}

// sessionOf returns the session that is in a name, and what follows it.
func sessionOf(name, prefix string) (s Session, separator byte, rest string) {
	body := strings.TrimPrefix(name, prefix)
	at := strings.IndexAny(body, "-.")
	if at < 0 {
		return Session(body), 0, ""
	}
	return Session(body[:at]), body[at], body[at+1:]
}

// PartSession returns the session that a part belongs to.
func PartSession(name string) Session {
	s, _, _ := sessionOf(name, partPrefix)
	return s
}
