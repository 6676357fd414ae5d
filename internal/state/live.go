package state

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/qsnap/qsnap/repo/report"
)

// A Live is a run that shows how far it has come. It is dead if its process has ended
// without saying so.
type Live struct {
	report.RunProgress
	Dead bool
}

// A Display shows how far one run has come, until the run ends. It is for one goroutine.
type Display struct {
	dir  *Dir
	id   string
	lock *os.File
}

// Show begins to show a run. It also removes what earlier processes left behind.
func (d *Dir) Show(p report.RunProgress) (*Display, error) {
	d.forgetDead()
	for _, dir := range []string{".", "value", "live"} {
		d.Sweep(dir)
	}
	if err := os.MkdirAll(d.Path("live"), 0o700); err != nil {
		return nil, d.explain(err)
	}
	id := FileName(p.ID)
	f, err := os.OpenFile(d.Path("live", id+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, d.explain(err)
	}
	shown := &Display{d, id, f}
	free, err := tryLock(f)
	switch {
	case err == nil && !free:
		err = &Busy{Name: "run " + p.ID}
	case err == nil: // nobody looks for the lock before the progress is there
		err = shown.Update(p)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return shown, nil
}

// Update shows how far the run has come now. It is not written through to disk, and it
// doesn't use the space that is set aside: progress is of no use after a power failure.
func (s *Display) Update(p report.RunProgress) error {
	p.MessageType = "run_progress"
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	beside := s.dir.Path("live", newPrefix+s.id)
	if err := os.WriteFile(beside, append(b, '\n'), 0o600); err != nil {
		return s.dir.explain(err)
	}
	if err := os.Rename(beside, s.dir.Path("live", s.id+".json")); err != nil {
		return s.dir.explain(err)
	}
	return nil
}

// End says that the run has ended.
func (s *Display) End() error {
	err := os.Remove(s.dir.Path("live", s.id+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	// Windows removes no file that is open.
	return errors.Join(err, s.lock.Close(), os.Remove(s.dir.Path("live", s.id+".lock")))
}

// Lives returns the runs that show how far they have come, in the order in which they
// began.
func (d *Dir) Lives() ([]Live, error) {
	entries, err := os.ReadDir(d.Path("live"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var lives []Live
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		if l, ok := d.live(id); ok {
			lives = append(lives, l)
		}
	}
	slices.SortFunc(lives, func(a, b Live) int {
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.ID, b.ID))
	})
	return lives, nil
}

// live reads how far one run has come. It is not ok if the run has ended meanwhile, or if
// the file is damaged.
func (d *Dir) live(id string) (l Live, ok bool) {
	f, err := os.Open(d.Path("live", id+".lock"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.Dead = true
	case err != nil:
		return l, false
	default:
		held, err := isLocked(f)
		l.Dead = err == nil && !held
		f.Close()
	}
	b, err := os.ReadFile(d.Path("live", id+".json"))
	if err != nil || json.Unmarshal(b, &l.RunProgress) != nil {
		return l, false
	}
	return l, true
}

// deadAge is how long a dead run is shown.
const deadAge = 7 * 24 * time.Hour

// forgetDead removes runs that have been dead for long.
func (d *Dir) forgetDead() {
	lives, err := d.Lives()
	if err != nil {
		return
	}
	for _, l := range lives {
		if l.Dead && d.now().Sub(l.Updated) > deadAge {
			d.Bury(l.ID)
		}
	}
}

// Bury removes a dead run from what is shown.
func (d *Dir) Bury(id string) {
	for _, suffix := range []string{".json", ".lock"} {
		_ = os.Remove(d.Path("live", FileName(id)+suffix))
	}
}
