package sftp

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/qsnap/qsnap/target/targettest"
)

func TestOpenSSHKeepsTheContract(t *testing.T) {
	for name, args := range map[string]string{"link": "", "rename": "-P hardlink", "no fsync": "-P fsync,statvfs"} {
		t.Run(name, func(t *testing.T) {
			if err := targettest.Check(t.Context(), startOpenSSH(t, args).open()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What stands in the log is what was asked of the file system.
func TestOpenSSHSyncsAnObjectThenNamesItThenSyncsTheName(t *testing.T) {
	s := startOpenSSH(t, "")
	tgt := s.open()
	if err := put(tgt, "packs/before", "x"); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.log, 0); err != nil {
		t.Fatal(err)
	}
	if err := put(tgt, "packs/object", "content"); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	dir := regexp.QuoteMeta(s.dir + "/objects/")
	order := `(?s)open "` + dir + `tmp/sftp/put-\w+" flags WRITE,CREATE,EXCL.*` +
		`request \d+: write.*request \d+: fsync.*close ".*put-\w+" bytes read 0 written 7.*` +
		`hardlink old "` + dir + `tmp/sftp/put-\w+" new "` + dir + `packs/object".*` +
		`open "` + dir + `packs" flags READ.*request \d+: fsync.*close "` + dir + `packs".*` +
		`remove name "` + dir + `tmp/sftp/put-\w+"`
	if !regexp.MustCompile(order).Match(log) {
		t.Errorf("the log is not as it should be:\n%s", log)
	}
	if bytes.Contains(log, []byte("posix-rename")) || bytes.Contains(log, []byte("sent status Failure")) {
		t.Errorf("the log has what it should not:\n%s", log)
	}
}

func TestOfRacingPutsOnOpenSSHOneWinsWhole(t *testing.T) {
	for name, args := range map[string]string{"link": "", "rename": "-P hardlink"} {
		t.Run(name, func(t *testing.T) {
			s := startOpenSSH(t, args)
			const clients, racers, rounds = 4, 16, 25
			var targets []*Target
			for range clients {
				targets = append(targets, s.open())
			}
			for round := range rounds {
				object := fmt.Sprintf("race/%d/object", round)
				results := make([]error, racers)
				body := func(i int) string { return strings.Repeat(fmt.Sprintf("%02d", i), 20_000+i) }
				var wg sync.WaitGroup
				for i := range racers {
					wg.Go(func() { results[i] = put(targets[i%clients], object, body(i)) })
				}
				wg.Wait()
				winner := -1
				for i, err := range results {
					switch {
					case err == nil && winner >= 0:
						t.Fatalf("%s: two puts succeeded", object)
					case err == nil:
						winner = i
					case !errors.Is(err, fs.ErrExist):
						t.Fatalf("%s: %v", object, err)
					}
				}
				if winner < 0 {
					t.Fatalf("%s: nobody won", object)
				}
				if got, err := get(targets[round%clients], object); err != nil || got != body(winner) {
					t.Fatalf("%s: read %d bytes that aren't the winner's, %v", object, len(got), err)
				}
			}
			if left, err := os.ReadDir(filepath.Join(s.dir, "objects", tempDir)); len(left) > 0 || err != nil {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

func TestPuttingGoesOnAfterTheServerIsKilled(t *testing.T) {
	for _, victim := range []string{"sftp-server", "sshd"} {
		t.Run(victim, func(t *testing.T) {
			s := startOpenSSH(t, "")
			tgt := s.open()
			if err := put(tgt, "before", "x"); err != nil {
				t.Fatal(err)
			}
			kill := func() {
				victims := s.processes(victim)
				if len(victims) == 0 {
					t.Error("nothing to kill")
				}
				for _, p := range victims {
					if err := p.Signal(syscall.SIGKILL); err != nil {
						t.Error(err)
					}
				}
			}
			body := bytes.Repeat([]byte("content "), 1<<20)
			for _, at := range []int64{0, 4 << 20} {
				err := tgt.Put(t.Context(), "object", &tripBody{ReaderAt: bytes.NewReader(body), at: at, trip: kill}, int64(len(body)))
				saysInOneLine(t, err, "put sftp://", "connection lost")
				if !isTemporary(err) {
					t.Errorf("%v is not temporary", err)
				}
				if _, err := tgt.Stat(t.Context(), "object"); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("stat: %v", err)
				}
			}
			if err := tgt.Put(t.Context(), "object", bytes.NewReader(body), int64(len(body))); err != nil {
				t.Fatal(err)
			}
			if got, err := get(tgt, "object"); got != string(body) || err != nil {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
			if left, err := os.ReadDir(filepath.Join(s.dir, "objects", tempDir)); len(left) > 0 || err != nil {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// mount mounts a small file system on the server's directory, which only root can.
func (s *openSSH) mount(t *testing.T, options string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system takes root")
	}
	dir := filepath.Join(s.dir, "objects")
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mounting a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestAFullDiskOnOpenSSHIsNamed(t *testing.T) {
	s := startOpenSSH(t, "")
	s.mount(t, "size=2m,mode=0700")
	tgt := s.open()
	body := make([]byte, 4<<20)
	err := tgt.Put(t.Context(), "large", bytes.NewReader(body), int64(len(body)))
	saysInOneLine(t, err, "put sftp://", "no space left on the server")
	if isTemporary(err) {
		t.Error("the error is temporary")
	}
	if _, err := tgt.Stat(t.Context(), "large"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: %v", err)
	}
	if err := put(tgt, "small", "x"); err != nil {
		t.Errorf("a small object, afterwards: %v", err)
	}
	free, total, err := tgt.Space(t.Context())
	if err != nil || total != 2<<20 || free >= total || free < 1<<20 {
		t.Errorf("%d of %d bytes are free, %v", free, total, err)
	}
}

func TestAReadOnlyDiskOnOpenSSHIsNamed(t *testing.T) {
	s := startOpenSSH(t, "")
	s.mount(t, "size=2m,mode=0700")
	tgt := s.open()
	if err := put(tgt, "object", "content"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", filepath.Join(s.dir, "objects"), "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	err := put(tgt, "another", "x")
	saysInOneLine(t, err, "read-only")
	if isTemporary(err) {
		t.Error("the error is temporary")
	}
	if got, err := get(tgt, "object"); got != "content" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	err = put(s.open(), "another", "x") // whose check can't write
	saysInOneLine(t, err, "read-only")
}

func TestAReadOnlySFTPServerSaysPermissionDenied(t *testing.T) {
	s := startOpenSSH(t, "-R")
	writeFile(t, filepath.Join(s.dir, "objects", "config"), "old")
	tgt := s.open()
	err := put(tgt, "object", "x")
	saysInOneLine(t, err, "permission denied")
	if !errors.Is(err, fs.ErrPermission) || isTemporary(err) {
		t.Errorf("got %v", err)
	}
	if got, err := get(tgt, "config"); got != "old" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}
