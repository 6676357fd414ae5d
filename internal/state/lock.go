package state

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// A Lock is held by one process at a time, and ends with it.
type Lock struct{ file *os.File }

// holder is what the file of a lock says of the process that holds it.
type holder struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// A Busy error says that another process holds a lock.
type Busy struct {
	Name    string
	PID     int       // 0 if it isn't known
	Started time.Time // when it took the lock
}

// Error returns one line.
func (b *Busy) Error() string {
	if b.PID == 0 {
		return b.Name + " is under way in another process"
	}
	return fmt.Sprintf("%s is under way in process %d since %s", b.Name, b.PID, b.Started.Format(time.RFC3339))
}

// LockRun takes the lock of a profile's runs. If a run is under way, it returns a *Busy.
func (d *Dir) LockRun(profile string) (*Lock, error) {
	return d.lock("run-"+FileName(profile), "a run of "+profile)
}

// Lock takes the lock with a name. If another process holds it, Lock returns a *Busy.
func (d *Dir) Lock(name string) (*Lock, error) { return d.lock("name-"+FileName(name), name) }

func (d *Dir) lock(file, what string) (*Lock, error) {
	if err := os.MkdirAll(d.Path("lock"), 0o700); err != nil {
		return nil, d.explain(err)
	}
	f, err := os.OpenFile(d.Path("lock", file), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, d.explain(err)
	}
	free, err := tryLock(f)
	if err != nil {
		f.Close()
		return nil, d.explain(err)
	}
	if !free {
		defer f.Close()
		h := readHolder(f)
		return nil, &Busy{what, h.PID, h.Started}
	}
	l := &Lock{f}
	l.sign(holder{os.Getpid(), d.now()})
	return l, nil
}

// maxHolder is the length of what the file of a lock may hold.
const maxHolder = 256

func readHolder(r io.ReaderAt) (h holder) {
	b := make([]byte, maxHolder)
	n, _ := r.ReadAt(b, 0)
	if json.Unmarshal(b[:n], &h) != nil {
		return holder{}
	}
	return h
}

// sign writes who holds the lock, for people. The lock holds without it, such as on a full
// disk.
func (l *Lock) sign(h holder) {
	b, err := json.Marshal(h)
	if err != nil || l.file.Truncate(0) != nil {
		return
	}
	_, _ = l.file.WriteAt(b, 0)
}

// Release ends the lock.
func (l *Lock) Release() error {
	_ = l.file.Truncate(0) // what it says is of no use any more
	return l.file.Close()
}
