package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func put(t *Target, name, body string) error {
	return t.Put(context.Background(), name, strings.NewReader(body), int64(len(body)))
}

func get(t *Target, name string) (string, error) {
	b, err := target.ReadAll(context.Background(), t, name, 1<<30)
	return string(b), err
}

func TestAServerKeepsTheContract(t *testing.T) {
	if err := targettest.Check(t.Context(), newServer(t).start().open()); err != nil {
		t.Error(err)
	}
}

func TestOneConnectionKeepsTheContract(t *testing.T) {
	tgt := newServer(t).start().open(func(o *Options) { o.Connections = 1 })
	if err := targettest.Check(t.Context(), tgt); err != nil {
		t.Error(err)
	}
}

func TestAServerWithoutHardLinksKeepsTheContract(t *testing.T) {
	withExtensions(t, "statvfs@openssh.com")
	s := newServer(t)
	s.handlers = (&mischief{free: 1 << 30}).handlers()
	if err := targettest.Check(t.Context(), s.start().open()); err != nil {
		t.Error(err)
	}
}

func TestAServerThatReadsLessThanAskedForKeepsTheContract(t *testing.T) {
	s := newServer(t)
	s.handlers = (&mischief{free: 1 << 30, short: 1000}).handlers()
	if err := targettest.Check(t.Context(), s.start().open()); err != nil {
		t.Error(err)
	}
}

func TestNothingIsPutWhereObjectsCouldBeReplaced(t *testing.T) {
	for name, test := range map[string]struct {
		m          *mischief
		extensions []string
		want       string
	}{
		"rename replaces":                   {&mischief{replaces: true}, nil, "rename replaces files"},
		"rename replaces, links don't work": {&mischief{replaces: true, noLinks: true}, []string{hardlink}, "hard links can't be made"},
		"links don't work":                  {&mischief{noLinks: true}, []string{hardlink}, "hard links can't be made"},
		"rename does nothing":               {&mischief{stays: true}, nil, "rename replaces files"},
	} {
		t.Run(name, func(t *testing.T) {
			withExtensions(t, test.extensions...)
			s := newServer(t)
			s.handlers = test.m.handlers()
			writeFile(t, filepath.Join(s.dir, "config"), "old")
			tgt := s.start().open()
			for range 2 {
				err := put(tgt, "object", "x")
				saysInOneLine(t, err, test.want, "would not be safe", "put sftp://me@127.0.0.1:")
				if isTemporary(err) {
					t.Error("the error is temporary")
				}
			}
			if got, err := get(tgt, "config"); got != "old" || err != nil {
				t.Errorf("reading %q, %v: it should still work", got, err)
			}
			if _, err := tgt.Stat(t.Context(), "object"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("stat: %v", err)
			}
			if left, err := os.ReadDir(filepath.Join(s.dir, tempDir)); len(left) > 0 || err != nil {
				t.Errorf("the check left %v, %v", left, err)
			}
		})
	}
}

func TestTheServerIsCheckedOnce(t *testing.T) {
	s := newServer(t)
	var mu sync.Mutex
	checks := 0
	s.handlers = (&mischief{before: func(method, path string) error {
		mu.Lock()
		defer mu.Unlock()
		if method == "Link" && strings.HasSuffix(path, "-1") && strings.Contains(path, "/check-") {
			checks++
		}
		return nil
	}}).handlers()
	tgt := s.start().open()
	if _, err := tgt.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if checks != 0 {
		t.Error("a target that was only read from was checked")
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := put(tgt, fmt.Sprintf("packs/%d", i), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if checks != 2 { // onto a name that is taken, and onto one that is free
		t.Errorf("%d links were tried", checks)
	}
}

func TestAWrongSizeOnTheServerIsNotAnObject(t *testing.T) {
	for _, lie := range []int64{-1, 1} {
		s := newServer(t)
		s.handlers = (&mischief{lie: lie}).handlers()
		tgt := s.start().open()
		err := put(tgt, "object", "content")
		saysInOneLine(t, err, fmt.Sprintf("has stored %d of 7 bytes", 7+lie))
		if !isTemporary(err) {
			t.Error("the error is not temporary")
		}
		if _, err := tgt.Stat(t.Context(), "object"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat: %v", err)
		}
		if left, err := os.ReadDir(filepath.Join(s.dir, tempDir)); len(left) > 0 || err != nil {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

func TestWhatAServerCannotDoIsOneLineAndNotTemporary(t *testing.T) {
	failure := sftpFailure
	for name, test := range map[string]struct {
		m     *mischief
		write error
		want  string
	}{
		"full disk":          {&mischief{free: 10}, failure, "no space left on the server"},
		"full disk, by code": {&mischief{free: 1 << 30}, failure + 10, "no space left on the server"},
		"quota":              {&mischief{free: 1 << 30}, failure + 11, "quota"},
		"read-only":          {&mischief{free: 1 << 30, readOnly: true}, failure, "read-only"},
		"permission":         {&mischief{free: 1 << 30}, fs.ErrPermission, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			var on bool
			test.m.before = func(method, path string) error {
				switch {
				case !on || method != "write":
					return nil
				case errors.Is(test.write, fs.ErrPermission):
					return sftpPermission
				}
				return test.write
			}
			s.handlers = test.m.handlers()
			tgt := s.start().open()
			if err := put(tgt, "before", "x"); err != nil {
				t.Fatal(err)
			}
			on = true
			err := put(tgt, "object", "content")
			saysInOneLine(t, err, test.want)
			if isTemporary(err) {
				t.Errorf("%v is temporary", err)
			}
			on = false
			if err := put(tgt, "object", "content"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAnUnnamedFailureIsTemporary(t *testing.T) {
	s := newServer(t)
	on := true
	s.handlers = (&mischief{free: 1 << 40, before: func(method, path string) error {
		if on && method == "write" && strings.Contains(path, "/put-") {
			return sftpFailure
		}
		return nil
	}}).handlers()
	tgt := s.start().open()
	if err := put(tgt, "object", "content"); !isTemporary(err) {
		t.Errorf("%v is not temporary", err)
	}
}
