package disk

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/qsnap/qsnap/snapshot"
)

// netRaw is a valid value of security.capability, version 2: cap_net_raw, effective.
var netRaw = []byte("\x01\x00\x00\x02" + "\x00\x20\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00")

// onThread runs f on a thread of its own, which ends afterwards: what f does to the
// thread's identity or capabilities concerns nothing else.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

// dropChown takes from the thread the capability to give files away.
func dropChown() error {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var d [2]unix.CapUserData
	if err := unix.Capget(&h, &d[0]); err != nil {
		return err
	}
	d[0].Effective &^= 1 << unix.CAP_CHOWN
	return unix.Capset(&h, &d[0])
}

// becomeUser makes the thread use files as a user without privileges.
func becomeUser() error {
	const nobody = 65534
	_, err := unix.SetfsgidRetGid(nobody)
	_, err2 := unix.SetfsuidRetUid(nobody)
	return errors.Join(err, err2)
}

// Each way in which an entry gets its attributes, and what has it afterwards.
var waysToApply = map[string]func(out *Out, e *snapshot.Entry, keep Keep, report func(error)) error{
	"a new file": func(out *Out, e *snapshot.Entry, keep Keep, report func(error)) error {
		f, err := out.Create(e, false, keep, report)
		if err != nil {
			return err
		}
		return out.Commit(f, e, report)
	},
	"a new file under its name": func(out *Out, e *snapshot.Entry, keep Keep, report func(error)) error {
		f, err := out.Create(e, true, keep, report)
		if err != nil {
			return err
		}
		return out.Commit(f, e, report)
	},
	"a file that is there": func(out *Out, e *snapshot.Entry, keep Keep, report func(error)) error {
		fd, err := unix.Openat(out.fd, e.Name, unix.O_CREAT|unix.O_RDONLY, 0o600)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Fchmod(fd, e.Mode); err != nil { // with the bits already
			return err
		}
		_ = unix.Fsetxattr(fd, capability, netRaw, 0)
		out.Apply(e, keep, report)
		return nil
	},
	"a pipe": func(out *Out, e *snapshot.Entry, keep Keep, report func(error)) error {
		e.Type = snapshot.FIFO
		return out.Make(e, keep, report)
	},
	"a device": func(out *Out, e *snapshot.Entry, keep Keep, report func(error)) error {
		e.Type, e.Major, e.Minor = snapshot.CharDevice, 1, 3
		return out.Make(e, keep, report)
	},
	"a directory": func(out *Out, e *snapshot.Entry, keep Keep, report func(error)) error {
		e.Type, e.Xattrs = snapshot.Dir, nil
		if err := out.Mkdir(e.Name); err != nil {
			return err
		}
		sub, err := out.Sub(e.Name)
		if err != nil {
			return err
		}
		defer sub.Close()
		sub.Finish(e, keep, report)
		return nil
	},
}

// A program runs as its owner or group, or with capabilities, only where both are
// those of the snapshot.
func TestPrivilegesAreRestoredOnlyWithTheirOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can set owners")
	}
	nothing := func() error { return nil }
	for who, c := range map[string]struct {
		become   func() error
		uid, gid uint32
		keep     bool
		mode     uint32 // of files in the end
		caps     bool
	}{
		"root, with owners":               {nothing, 1000, 2000, true, 0o6755, true},
		"root, without owners":            {nothing, 1000, 2000, false, 0o755, false},
		"root, of root's":                 {nothing, 0, 0, false, 0o6755, true},
		"root, of the same group":         {nothing, 1000, 0, false, 0o2755, false},
		"root, of another group":          {nothing, 0, 2000, false, 0o755, false},
		"root that may not give away":     {dropChown, 1000, 2000, true, 0o755, false},
		"a user, of what is another's":    {becomeUser, 0, 0, false, 0o755, false},
		"a user, of what is another's, 2": {becomeUser, 1000, 65534, false, 0o2755, false},
		"a user, of what is his own":      {becomeUser, 65534, 65534, false, 0o6755, true}, // the thread still may set capabilities
	} {
		for what, apply := range waysToApply {
			t.Run(who+": "+what, func(t *testing.T) {
				top := t.TempDir()
				if err := os.Chmod(top, 0o777); err != nil {
					t.Fatal(err)
				}
				out := openOut(t, top)
				onThread(func() { checkPrivileges(t, out, c.become, apply, c.uid, c.gid, Keep{Owner: c.keep}, c.mode, c.caps) })
			})
		}
	}
}

func checkPrivileges(t *testing.T, out *Out, become func() error, apply func(*Out, *snapshot.Entry, Keep, func(error)) error, uid, gid uint32, keep Keep, mode uint32, caps bool) {
	e := &snapshot.Entry{Name: "it", Mode: 0o6755, UID: uid, GID: gid, Xattrs: []snapshot.Xattr{{Name: capability, Value: netRaw}}}
	if err := become(); err != nil {
		t.Error(err)
		return
	}
	withheld := ""
	if err := apply(out, e, keep, func(err error) {
		if w, ok := errors.AsType[*Withheld](err); ok {
			withheld = strings.Join(w.What, ", ")
		}
	}); err != nil {
		if e.Type == snapshot.CharDevice && errors.Is(err, unix.EPERM) {
			return // a user makes none
		}
		t.Error(err)
		return
	}
	var have snapshot.Entry
	if _, err := out.Lstat("it", &have); err != nil {
		t.Error(err)
		return
	}
	if e.Type == snapshot.Dir {
		mode, caps = 0o6755, true // where they give nothing
		if gid != have.GID && have.UID == 65534 {
			mode = have.Mode // the system takes the bit from a group that isn't the user's
		}
	}
	if have.Mode != mode {
		t.Errorf("it has mode %o of %d:%d, want %o", have.Mode, have.UID, have.GID, mode)
	}
	if lost := mode != 0o6755 || len(e.Xattrs) > 0 && !caps; lost != (withheld != "") && have.UID != 65534 {
		t.Errorf("withheld are %q of mode %o", withheld, have.Mode)
	}
	if e.Type != snapshot.File {
		return
	}
	f, _, err := out.Open("it", &have)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	xattrs, err := f.Xattrs()
	if err != nil || slices.ContainsFunc(xattrs, isCapability) != caps {
		t.Errorf("its attributes are %v, %v", xattrs, err)
	}
}
