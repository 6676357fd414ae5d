package history

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/internal/state"
	"github.com/qsnap/qsnap/repo/report"
)

// The bounds of the history of a profile.
const (
	maxRecords = 10_000
	maxAge     = 2 * 366 * 24 * time.Hour
	minRecords = 1_000 // which stay whatever their age
)

const folder = "history"

func fileID(id string) string { return state.FileName(id) }

// A History is the records of the runs of a host. It is safe for concurrent use.
type History struct {
	dir                    *state.Dir
	maxRecords, minRecords int
}

// Open returns the history in a state directory.
func Open(d *state.Dir) *History { return &History{d, maxRecords, minRecords} }

// Add records a run. A record of the same run is replaced. Then it removes the oldest
// records of the profile, if there are too many or if they are too old.
func (h *History) Add(run report.Run) error {
	content, err := encode(run)
	if err != nil {
		return err
	}
	file, err := nameOf(run)
	if err != nil {
		return err
	}
	profile := state.FileName(run.Profile)
	if err := h.dir.Write(content, folder, profile, file); err != nil {
		return fmt.Errorf("record run %s: %w", run.ID, err)
	}
	h.dir.Sweep(folder, profile)
	h.trim(profile)
	return nil
}

// trim removes the oldest records of a profile beyond the bounds. What can't be removed now
// is removed later.
func (h *History) trim(profile string) {
	names, err := h.names(profile)
	if err != nil {
		return
	}
	for i, n := range names {
		left := len(names) - i
		old := h.dir.Now().Sub(n.started) > maxAge && left > h.minRecords
		if left <= h.maxRecords && !old {
			return
		}
		_ = os.Remove(h.dir.Path(folder, profile, n.file))
	}
}

// A Filter selects runs. Its zero value selects all.
type Filter struct {
	Profile      string    // empty: of all profiles
	Since, Until time.Time // when they started: Since ≤ t < Until; zero: at any time
	Last         int       // how many of the newest; 0: all
}

func (f Filter) selects(n name) bool {
	return (f.Since.IsZero() || !n.started.Before(f.Since.Truncate(time.Millisecond))) && (f.Until.IsZero() || n.started.Before(f.Until))
}

// List returns the runs that a filter selects, the newest last. It leaves out the records
// that can't be read, and returns their *Damaged errors joined.
func (h *History) List(f Filter) ([]report.Run, error) {
	names, damaged := h.selected(f)
	runs := []report.Run{}
	for i := len(names) - 1; i >= 0 && (f.Last == 0 || len(runs) < f.Last); i-- {
		run, err := h.read(names[i])
		switch {
		case errors.Is(err, fs.ErrNotExist): // another process has removed it
		case err != nil:
			damaged = append(damaged, err)
		default:
			runs = append(runs, run)
		}
	}
	slices.Reverse(runs)
	return runs, errors.Join(damaged...)
}

// selected returns the names of the records that a filter selects apart from its Last, the
// newest last, and what can't be listed.
func (h *History) selected(f Filter) (all []name, damaged []error) {
	profiles := []string{state.FileName(f.Profile)}
	if f.Profile == "" {
		var err error
		if profiles, err = h.folders(); err != nil {
			return nil, []error{err}
		}
	}
	for _, p := range profiles {
		names, err := h.names(p)
		if err != nil {
			damaged = append(damaged, err)
		}
		all = append(all, slices.DeleteFunc(names, func(n name) bool { return !f.selects(n) })...)
	}
	sortNames(all)
	return all, damaged
}

// folders returns the names of the directories that hold the records of profiles.
func (h *History) folders() (list []string, err error) {
	entries, err := os.ReadDir(h.dir.Path(folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("history: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			list = append(list, e.Name())
		}
	}
	return list, nil
}

// names returns the names of a profile's records, the oldest first.
func (h *History) names(profile string) (names []name, err error) {
	f, err := os.Open(h.dir.Path(folder, profile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &Damaged{h.dir.Path(folder, profile), err}
	}
	defer f.Close()
	files, err := f.Readdirnames(-1)
	if err != nil {
		return nil, &Damaged{h.dir.Path(folder, profile), err}
	}
	for _, file := range files {
		if n, ok := parseName(file); ok {
			n.profile = profile
			names = append(names, n)
		}
	}
	sortNames(names)
	return names, nil
}

func sortNames(names []name) {
	slices.SortFunc(names, func(a, b name) int {
		return cmp.Or(a.started.Compare(b.started), strings.Compare(a.file, b.file), strings.Compare(a.profile, b.profile))
	})
}

// A Damaged error names a record, or a directory of records, that can't be read.
type Damaged struct {
	Path string
	Err  error
}

// Error returns one line.
func (e *Damaged) Error() string {
	return fmt.Sprintf("history: %s can't be read: %v: it is left out; delete it if it is of no use", e.Path, e.Err)
}

// Unwrap returns what is wrong with it.
func (e *Damaged) Unwrap() error { return e.Err }

// read reads a record. The error is fs.ErrNotExist if there is none, and else a *Damaged.
func (h *History) read(n name) (run report.Run, err error) {
	path := h.dir.Path(folder, n.profile, n.file)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return run, err
	}
	if err != nil {
		return run, &Damaged{path, err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err == nil {
		run, err = decode(b)
	}
	if err == nil && (!n.fits(run) || state.FileName(run.Profile) != n.profile) {
		err = errors.New("it is of another run than its name says")
	}
	if err != nil {
		return report.Run{}, &Damaged{path, err}
	}
	return run, nil
}

// Slot returns the newest run of a profile that made a version for a slot, a good one or an
// incomplete one. It ignores runs that ended later than now: the clock was set back since.
func (h *History) Slot(profile string, slot time.Time) (report.Run, bool) {
	names, err := h.names(state.FileName(profile))
	if err != nil {
		return report.Run{}, false
	}
	want := slotName(slot)
	for _, n := range slices.Backward(names) {
		if n.slot != want {
			continue
		}
		run, err := h.read(n)
		if err == nil && made(run) && !run.Ended.After(h.dir.Now()) {
			return run, true
		}
	}
	return report.Run{}, false
}

// made reports whether a run has ended and made a version.
func made(run report.Run) bool {
	return run.Snapshot != nil && run.Snapshot.ID != [len(run.Snapshot.ID)]byte{} && !run.Ended.IsZero()
}
