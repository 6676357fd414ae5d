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

// A Session identifies one writer among all processes and machines, and tells later
// writers whether it is still running. Its text is part of the names of its unfinished
// files.
//
//	mmmmmmmmbbbbbbbbnnnnnnnnxPIDxSTARTxrrrrrrrr
//
// m identifies the machine, b its boot, and n the namespace in which PID and START
// identify the process; r is random.
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

// End records that nothing of the session is left, or will ever be finished.
func (s Session) End() { sessions.Delete(s) }

// here identifies the scope in which process ids are unique: machine, boot and namespace.
var here = sync.OnceValue(func() string {
	out := ""
	for _, part := range []string{machine(), boot(), namespace()} {
		h := fnv.New32a()
		h.Write([]byte(part))
		out += fmt.Sprintf("%08x", h.Sum32())
	}
	return out
})

// State is what is known about a session.
type State int

// The states.
const (
	Unknown State = iota // of another machine, or of a process that is invisible from here
	Alive
	Dead
)

// State returns whether the session is still running.
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
		return Dead // the machine was rebooted since
	case fields[0] != here():
		return Unknown
	case int(pid) == processID():
		return Dead // otherwise it would be among this process's sessions
	case processStart(int(pid)) == start:
		return Alive
	}
	return Dead
}

// sessionOf returns the session in a name, and the rest of the name.
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
