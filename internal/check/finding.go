package check

import (
	"errors"

	"github.com/qsnap/qsnap/internal/object"
	"github.com/qsnap/qsnap/snapshot"
)

// A Kind says what a finding is about.
type Kind string

// The kinds of findings. All but Unlisted, Foreign and Passing are damage.
const (
	BadConfig       Kind = "config"
	BadKey          Kind = "key"
	BadDelta        Kind = "index delta"
	MissingPack     Kind = "missing pack"
	BadPack         Kind = "pack"
	BadManifest     Kind = "snapshot"
	MissingManifest Kind = "missing snapshot"
	Hidden          Kind = "hidden object"
	Lost            Kind = "lost"
	Unlisted        Kind = "unlisted pack"
	Foreign         Kind = "foreign object"
	BadRecord       Kind = "record"
	Passing         Kind = "passing object"
)

// IsDamage reports whether findings of a kind mean that something can't be read.
func (k Kind) IsDamage() bool { return k != Unlisted && k != Foreign && k != Passing }

// A Finding is something that isn't as it should be.
type Finding struct {
	Kind   Kind
	Object string         // its name on the target; of what is lost, the id of a chunk or tree
	What   string         // what is wrong with it
	Files  []AffectedFile // the first maxAffected of those that can't be restored because of it
	Total  int            // how many there are
}

// An AffectedFile is a file, or a directory with all in it, of a snapshot.
type AffectedFile struct {
	Snapshot snapshot.ID
	Path     string
	Dir      bool
}

// maxAffected bounds the files that a finding names.
const maxAffected = 200

// A Report is what a check has found.
type Report struct {
	Findings  []Finding
	Snapshots int
	Trees     int
	Packs     int
	PackBytes int64 // of all packs
	BytesRead int64 // of packs, to check their data
}

// damage returns the findings that are damage, as errors.
func (r *Report) damage() (out []error) {
	for _, f := range r.Findings {
		if f.Kind.IsDamage() {
			out = append(out, &object.DamageError{Object: f.Object, Err: errors.New(f.What)})
		}
	}
	return out
}

// noFinding stands for the number of a finding where there is none.
const noFinding = -1

// findingAbout returns the number of the finding about an object, or noFinding.
func (c *checker) findingAbout(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.findings[name]; ok {
		return n
	}
	return noFinding
}

// add records what is wrong with an object, and returns the number of the object's finding.
// An object has one finding. The first counts, unless only a later one is damage.
func (c *checker) add(kind Kind, name, what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.findings[name]; ok {
		if f := &c.report.Findings[n]; kind.IsDamage() && !f.Kind.IsDamage() {
			f.Kind, f.What = kind, what
		}
		return n
	}
	n := len(c.report.Findings)
	c.report.Findings = append(c.report.Findings, Finding{Kind: kind, Object: name, What: what})
	c.findings[name] = n
	return n
}
