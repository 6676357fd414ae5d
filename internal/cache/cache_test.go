package cache_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/cache"
)

func whatever([]byte) error { return nil }

func TestWhatWasPutIsThereForOtherProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	one, other := cache.Open(dir, 1<<20, nil), cache.Open(dir, 1<<20, nil)
	if _, ok := one.Get("a", whatever); ok {
		t.Fatal("there is something before anything was put")
	}
	one.Put("a", []byte("what it is"))
	one.Put("a", []byte("what it is"))
	if b, ok := other.Get("a", whatever); !ok || string(b) != "what it is" {
		t.Fatalf("got %q, %v", b, ok)
	}
}

func TestWhatIsNotAcceptedIsRemoved(t *testing.T) {
	dir := t.TempDir()
	d := cache.Open(dir, 1<<20, nil)
	d.Put("a", []byte("damaged"))
	if _, ok := d.Get("a", func([]byte) error { return errors.New("it is not right") }); ok {
		t.Fatal("it was returned all the same")
	}
	if _, err := os.Lstat(filepath.Join(dir, "a")); !os.IsNotExist(err) {
		t.Fatalf("it is still there: %v", err)
	}
}

func TestTheDirectoryMayGoAtAnyTime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	d := cache.Open(dir, 1<<20, nil)
	d.Put("a", []byte("a"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Get("a", whatever); ok {
		t.Fatal("it is there though the directory isn't")
	}
	d.Put("b", []byte("b"))
	if _, ok := d.Get("b", whatever); !ok {
		t.Fatal("nothing is kept any more")
	}
}

func TestADirectoryThatCannotBeMadeKeepsNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var failed []error
	d := cache.Open(filepath.Join(file, "cache"), 1<<20, func(err error) { failed = append(failed, err) })
	d.Put("a", []byte("a"))
	d.Put("b", []byte("b"))
	if _, ok := d.Get("a", whatever); ok {
		t.Fatal("it is there")
	}
	if len(failed) != 1 {
		t.Errorf("two objects can't be written: %v", failed)
	}
	d.Close()
	var none *cache.Dir
	none.Put("a", []byte("a"))
	if _, ok := none.Get("a", whatever); ok {
		t.Fatal("a nil cache has something")
	}
	none.Close()
}

func TestTheOldestUsedGoFirst(t *testing.T) {
	dir := t.TempDir()
	const limit, size = 160 << 10, 10 << 10
	d := cache.Open(dir, limit, nil)
	long := time.Now().Add(-100 * time.Hour)
	for i := range 16 {
		name := fmt.Sprint("old", i)
		d.Put(name, bytes.Repeat([]byte{byte(i)}, size))
		at := long.Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := d.Get("old0", whatever); !ok { // which is used again
		t.Fatal("old0 isn't there")
	}
	d.Put("new", make([]byte, size))
	d.Close()
	for name, want := range map[string]bool{"old0": true, "old1": false, "old2": true, "old15": true, "new": true} {
		if _, ok := d.Get(name, whatever); ok != want {
			t.Errorf("%s: there is %v, want %v", name, ok, want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != limit/size {
		t.Errorf("%d objects are left, %v", len(entries), err)
	}
}

func TestManyMayUseItAtOnceAndItStaysBounded(t *testing.T) {
	dir := t.TempDir()
	const limit = 64 << 10
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			d := cache.Open(dir, limit, nil)
			defer d.Close()
			for i := range 200 {
				name := fmt.Sprint((i*7 + n) % 300)
				want := bytes.Repeat([]byte(name), 1000)
				d.Put(name, want)
				if b, ok := d.Get(name, whatever); ok && !bytes.Equal(b, want) {
					t.Errorf("%s has other bytes", name)
				}
			}
		})
	}
	all.Wait()
	cache.Open(dir, limit, nil).Trim()
	var total int64
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > limit || total < limit/2 {
		t.Fatalf("it has %d bytes; the limit is %d", total, limit)
	}
}

func TestWhatIsTooLargeIsNotKept(t *testing.T) {
	d := cache.Open(t.TempDir(), 1000, nil)
	d.Put("a", make([]byte, 100))
	if _, ok := d.Get("a", whatever); ok {
		t.Fatal("it is kept, and would push out what others are")
	}
}
