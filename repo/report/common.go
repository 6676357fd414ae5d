package report

import (
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/qsnap/qsnap/snapshot"
	"github.com/qsnap/qsnap/target"
)

// Head is what most objects begin with: it tells which object it is.
type Head struct {
	MessageType string `json:"message_type"`
}

// A Kind says how a command ended. Each belongs to one exit code.
type Kind string

// The kinds.
const (
	Failed       Kind = "failed"        // 1
	Usage        Kind = "usage"         // 2
	Partial      Kind = "partial"       // 3
	Behind       Kind = "behind"        // 4
	Unreachable  Kind = "unreachable"   // 5
	Running      Kind = "running"       // 6
	Damage       Kind = "damage"        // 7
	Overdue      Kind = "overdue"       // 8
	NeedsYes     Kind = "needs-yes"     // 9
	NoRepository Kind = "no-repository" // 10
	Incomplete   Kind = "incomplete"    // 11
	WrongSecret  Kind = "wrong-secret"  // 12
	Interrupted  Kind = "interrupted"   // 130
)

// ExitError is the last object of a command that did not end with exit code 0. It goes to
// standard error.
type ExitError struct {
	Head
	Code    int    `json:"code" doc:"the exit code"`
	Kind    Kind   `json:"kind" doc:"its word"`
	Message string `json:"message"`
}

// NewExitError returns an ExitError with the text of an error.
func NewExitError(code int, kind Kind, err error) ExitError {
	return ExitError{Head{"exit_error"}, code, kind, err.Error()}
}

// Error is what went wrong with one item while the command went on.
type Error struct {
	Head
	Error  Cause  `json:"error"`
	During string `json:"during"`
	Item   string `json:"item" doc:"the path or snapshot, or empty"`
}

// Cause is the text of an error.
type Cause struct {
	Message string `json:"message"`
}

// NewError returns an Error about an item.
func NewError(err error, during, item string) Error {
	return Error{Head{"error"}, Cause{err.Error()}, during, item}
}

// Notice is what is worth knowing about one item, and is no error.
type Notice struct {
	Head
	Message string `json:"message"`
	During  string `json:"during,omitempty"`
	Item    string `json:"item"`
}

// NewNotice returns a Notice about an item.
func NewNotice(message error, during, item string) Notice {
	return Notice{Head{"notice"}, message.Error(), during, item}
}

// Latest says which snapshot "latest" or a time means, where there are several sources.
// It goes to standard error.
type Latest struct {
	Head
	SnapshotID snapshot.ID `json:"snapshot_id"`
	Hostname   string      `json:"hostname"`
	Paths      []string    `json:"paths"`
	Time       time.Time   `json:"time"`
	Sources    int         `json:"sources" doc:"how many there are"`
}

// NewLatest returns a Latest about a snapshot.
func NewLatest(m *snapshot.Manifest, sources int) Latest {
	return Latest{Head{"latest"}, m.ID, m.Hostname, m.Paths, m.End, sources}
}

// Traffic is what was asked of one target. It goes to standard error.
type Traffic struct {
	Head
	Target       string `json:"target"`
	Requests     uint64 `json:"requests"`
	Retries      uint64 `json:"retries"`
	Errors       uint64 `json:"errors"`
	Puts         uint64 `json:"puts"`
	Gets         uint64 `json:"gets"`
	Stats        uint64 `json:"stats"`
	Lists        uint64 `json:"lists"`
	Deletes      uint64 `json:"deletes"`
	NamesListed  uint64 `json:"names_listed"`
	BytesSent    uint64 `json:"bytes_sent"`
	BytesFetched uint64 `json:"bytes_fetched"`
}

// NewTraffic returns a Traffic of a target.
func NewTraffic(name string, c target.Counts) Traffic {
	return Traffic{
		Head: Head{"traffic"}, Target: name, Requests: c.Requests(), Retries: c.Retries, Errors: c.Errors,
		Puts: c.Puts + c.Stages, Gets: c.Gets, Stats: c.Stats + c.Spaces, Lists: c.Lists, Deletes: c.Deletes,
		NamesListed: c.Listed, BytesSent: c.BytesUp, BytesFetched: c.BytesDown,
	}
}

// Version is the program's.
type Version struct {
	Head
	Version   string `json:"version"`
	GoVersion string `json:"go_version"`
	GoOS      string `json:"go_os"`
	GoArch    string `json:"go_arch"`
}

// NewVersion returns a Version.
func NewVersion(version, goVersion, goOS, goArch string) Version {
	return Version{Head{"version"}, version, goVersion, goOS, goArch}
}

// Total is what a status compares with, if that is known.
type Total struct {
	Files   uint64  `json:"total_files"`
	Bytes   uint64  `json:"total_bytes"`
	Percent float64 `json:"percent_done" doc:"from 0 to 1"`
}

// totalOf returns a Total with the part of the bytes that is done, or nil if there are none.
func totalOf(done, files, bytes uint64) *Total {
	if bytes == 0 {
		return nil
	}
	return &Total{files, bytes, min(1, float64(done)/float64(bytes))}
}

// base64Of returns bytes that JSON text can't hold as base64, and else nothing.
func base64Of(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// list returns a list that JSON shows as an array, even if it is empty.
func list[T any](l []T) []T { return append([]T{}, l...) }
