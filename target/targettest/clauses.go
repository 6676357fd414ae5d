package targettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/qsnap/qsnap/target"
)

// content is different for each seed.
func content(seed byte, size int) []byte {
	b := make([]byte, size)
	x := uint32(seed) + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func (c *checker) put(name string, body []byte) error {
	return c.t.Put(c.ctx, c.prefix+name, bytes.NewReader(body), int64(len(body)))
}

func (c *checker) get(name string, off, n int64) ([]byte, error) {
	r, err := c.t.Get(c.ctx, c.prefix+name, off, n)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func (c *checker) holds(name string, want []byte) error {
	got, err := c.get(name, 0, -1)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s: read %d bytes other than the %d put", name, len(got), len(want))
	}
	info, err := c.t.Stat(c.ctx, c.prefix+name)
	if err != nil {
		return err
	}
	if want := (target.Info{Name: c.prefix + name, Size: int64(len(want))}); info != want {
		return fmt.Errorf("stat returns %+v, want %+v", info, want)
	}
	return nil
}

func (c *checker) reads() error {
	for i, size := range []int64{0, 1, 1 << 10, 1<<20 + 7, largest} {
		name, body := fmt.Sprintf("reads/%d", i), content(byte(i), int(min(size, c.limit)))
		if err := c.put(name, body); err != nil {
			return err
		}
		if err := c.holds(name, body); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) ranges() error {
	body := content(1, 100_000)
	if err := c.put("ranges", body); err != nil {
		return err
	}
	for _, r := range [][2]int64{{0, 0}, {0, 1}, {0, 100_000}, {99_999, 1}, {100_000, 0}, {100_000, -1}, {50_000, 1000}, {70_000, -1}} {
		want := body[r[0]:]
		if r[1] >= 0 {
			want = want[:r[1]]
		}
		got, err := c.get("ranges", r[0], r[1])
		if err != nil {
			return fmt.Errorf("%d bytes at %d: %w", r[1], r[0], err)
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%d bytes at %d: read %d other bytes", r[1], r[0], len(got))
		}
	}
	return nil
}

func (c *checker) beyond() error {
	if err := c.put("beyond", content(2, 1000)); err != nil {
		return err
	}
	for _, r := range [][2]int64{{0, 1001}, {999, 2}, {1000, 1}, {1001, 0}, {2000, 10}} {
		if got, err := c.get("beyond", r[0], r[1]); err == nil {
			return fmt.Errorf("%d bytes at %d of 1000: read %d bytes without error", r[1], r[0], len(got))
		}
	}
	return nil
}

func (c *checker) absent() error {
	const name = "absent/1"
	if _, err := c.get(name, 0, -1); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("get: %v", err)
	}
	if _, err := c.t.Stat(c.ctx, c.prefix+name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("stat: %v", err)
	}
	if err := c.t.Delete(c.ctx, c.prefix+name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete: %v", err)
	}
	for info, err := range c.t.List(c.ctx, c.prefix+"absent/") {
		return fmt.Errorf("list yields %+v, %v", info, err)
	}
	return nil
}

func (c *checker) createOnly() error {
	first := content(3, 5000)
	if err := c.put("once", first); err != nil {
		return err
	}
	for _, again := range [][]byte{content(4, 5000), content(4, 10), nil, first} {
		if err := c.put("once", again); !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("a second put of %d bytes returns %v, not fs.ErrExist: a repository here would not be safe", len(again), err)
		}
		if err := c.holds("once", first); err != nil {
			return err
		}
	}
	return nil
}

// race puts different contents under one name at the same time, several times.
func (c *checker) race() error {
	const rounds, racers = 8, 4
	for round := range rounds {
		name := fmt.Sprintf("race/%d", round)
		var wg sync.WaitGroup
		results := make([]error, racers)
		bodies := make([][]byte, racers)
		for i := range racers {
			bodies[i] = content(byte(10+i), 70_000+i)
			wg.Go(func() { results[i] = c.put(name, bodies[i]) })
		}
		wg.Wait()
		winner := -1
		for i, err := range results {
			switch {
			case err == nil && winner >= 0:
				return errors.New("two puts of one name succeeded: a repository here would not be safe")
			case err == nil:
				winner = i
			case !errors.Is(err, fs.ErrExist):
				return fmt.Errorf("a losing put returns %w, not fs.ErrExist", err)
			}
		}
		if winner < 0 {
			return errors.New("every put of one name failed")
		}
		if err := c.holds(name, bodies[winner]); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) lists() error {
	names := []string{"list/a", "list/b/1", "list/b/2", "list/b-c", "list/b.d", "list/e/f/g"}
	for _, name := range names {
		if err := c.put(name, []byte(name)); err != nil {
			return err
		}
	}
	slices.Sort(names)
	for prefix, want := range map[string][]string{
		"list/":       names,
		"list/b/":     {"list/b/1", "list/b/2"},
		"list/e/f/":   {"list/e/f/g"},
		"list/none/":  nil,
		"list/b/1/":   nil,
		"list/e/f/g/": nil,
	} {
		var got []string
		for info, err := range c.t.List(c.ctx, c.prefix+prefix) {
			if err != nil {
				return err
			}
			name := info.Name[min(len(c.prefix), len(info.Name)):]
			if int(info.Size) != len(name) {
				return fmt.Errorf("%s: size %d, want %d", info.Name, info.Size, len(name))
			}
			got = append(got, name)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("below %s: %q, want %q", prefix, got, want)
		}
	}
	for range c.t.List(c.ctx, c.prefix+"list/") {
		break // must not yield again
	}
	return nil
}

func (c *checker) deletes() error {
	if err := c.put("gone", []byte("x")); err != nil {
		return err
	}
	if err := c.t.Delete(c.ctx, c.prefix+"gone"); err != nil {
		return err
	}
	if _, err := c.get("gone", 0, -1); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("get after delete: %v", err)
	}
	if err := c.put("gone", []byte("again")); err != nil {
		return fmt.Errorf("put after delete: %w", err)
	}
	return c.holds("gone", []byte("again"))
}

// A broken body fails after some bytes.
type brokenBody struct{ after int64 }

var errBody = errors.New("the body broke on purpose")

func (b brokenBody) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= b.after {
		return len(p), nil
	}
	return 0, errBody
}

func (c *checker) failedPut() error {
	for _, after := range []int64{0, 1 << 20} {
		err := c.t.Put(c.ctx, c.prefix+"failed", brokenBody{min(after, c.limit/2)}, min(3<<20, c.limit))
		if err == nil {
			return errors.New("a put whose body fails succeeds")
		}
		if _, err := c.get("failed", 0, -1); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("get after the failed put: %v", err)
		}
	}
	short := bytes.NewReader(make([]byte, 10))
	if err := c.t.Put(c.ctx, c.prefix+"failed", short, 20); err == nil {
		return errors.New("a put of 20 bytes from a body of 10 succeeds")
	}
	body := content(5, 1000)
	if err := c.put("failed", body); err != nil {
		return fmt.Errorf("the next put: %w", err)
	}
	return c.holds("failed", body)
}

func (c *checker) cancelled() error {
	if err := c.put("cancel", []byte("x")); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	results := map[string]error{
		"put":    c.t.Put(ctx, c.prefix+"cancel-2", bytes.NewReader(make([]byte, 10)), 10),
		"delete": c.t.Delete(ctx, c.prefix+"cancel"),
	}
	_, results["stat"] = c.t.Stat(ctx, c.prefix+"cancel")
	r, err := c.t.Get(ctx, c.prefix+"cancel", 0, -1)
	if err == nil {
		_, err = io.ReadAll(r)
		r.Close()
	}
	results["get"] = err
	for _, err := range c.t.List(ctx, c.prefix) {
		results["list"] = err
	}
	for _, method := range []string{"put", "get", "stat", "list", "delete"} {
		if !errors.Is(results[method], context.Canceled) {
			return fmt.Errorf("%s returns %v", method, results[method])
		}
	}
	return nil
}

func (c *checker) names() error {
	for _, name := range []string{"", "/", "/a", "a/", "a//b", "../a", "a/../b", ".hidden", "a/.b", "A", "a b", "a\\b", "a:b", "ü", "a\x00b"} {
		if err := c.t.Put(c.ctx, name, bytes.NewReader(nil), 0); err == nil {
			return fmt.Errorf("put of %q succeeds", name)
		}
		if r, err := c.t.Get(c.ctx, name, 0, -1); err == nil {
			r.Close()
			return fmt.Errorf("get of %q succeeds", name)
		}
	}
	return nil
}

// stages checks a target that is a Stager.
func (c *checker) stages() error {
	stager, ok := target.As[target.Stager](c.t)
	if !ok {
		return nil
	}
	if err := c.put("staged-before", []byte("x")); err != nil {
		return err
	}
	piece := min(1<<20, c.limit/3)
	body := content(6, int(3*piece))
	for _, name := range []string{"staged", "staged-before"} {
		s, err := stager.Stage(c.ctx)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			wg.Go(func() { _, errs[2-i] = s.WriteAt(body[int64(2-i)*piece:int64(3-i)*piece], int64(2-i)*piece) })
		}
		wg.Wait()
		back := make([]byte, len(body))
		_, err = s.ReadAt(back, 0)
		if err := errors.Join(append(errs, err)...); err != nil {
			return err
		}
		if !bytes.Equal(back, body) {
			return errors.New("the staged object reads differently from what was written")
		}
		if _, err := c.t.Stat(c.ctx, c.prefix+"staged"); name == "staged" && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the staged object is visible before it is committed: %v", err)
		}
		err = s.Commit(c.ctx, c.prefix+name, int64(len(body))-7)
		if name == "staged-before" && !errors.Is(err, fs.ErrExist) || name == "staged" && err != nil {
			return fmt.Errorf("commit of %s: %v", name, err)
		}
		if err := s.Discard(); err != nil {
			return err
		}
	}
	return c.holds("staged", body[:len(body)-7])
}
