package capture

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A memorySink keeps everything, and loads it again.
type memorySink struct {
	mu     sync.Mutex
	chunks map[chunk.ID][]byte
}

func (s *memorySink) ChunkWriter() ChunkWriter  { return memoryWriter{s} }
func (s *memorySink) Name(data []byte) chunk.ID { return chainNames.ID(data) }
func (s *memorySink) keep(data []byte) chunk.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := chainNames.ID(data)
	s.chunks[id] = bytes.Clone(data)
	return id
}

func (s *memorySink) PutTree(_ context.Context, page []byte) (chunk.ID, error) {
	return s.keep(page), nil
}

func (s *memorySink) Tree(_ context.Context, id chunk.ID) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.chunks[id]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("no chunk %v", id)
}

type memoryWriter struct{ *memorySink }

func (l memoryWriter) Reserve(n int) []byte                                 { return make([]byte, n) }
func (l memoryWriter) Flush(context.Context) error                          { return nil }
func (l memoryWriter) Put(_ context.Context, data []byte) (chunk.ID, error) { return l.keep(data), nil }
func (l memoryWriter) PutNamed(_ context.Context, _ chunk.ID, data []byte) error {
	l.keep(data)
	return nil
}

// A taken is what a capture found.
type taken struct {
	*Result
	sink *memorySink
	text string // of the problems
}

// take captures paths.
func take(t *testing.T, limit time.Duration, parent *taken, paths ...string) *taken {
	t.Helper()
	src, err := source.Paths(paths...)
	if err != nil {
		t.Fatal(err)
	}
	out := &taken{sink: &memorySink{chunks: map[chunk.ID][]byte{}}}
	o := Options{Params: chainParams, Workers: 2, UnsizedTime: limit}
	if parent != nil {
		out.sink = parent.sink
		o.Parent = &snapshot.Manifest{Root: parent.Root, Start: time.Now(), Settled: []snapshot.Settled{{Before: snapshot.TimeOf(time.Now().Add(time.Hour))}}}
	}
	o.Sink, o.Loader = out.sink, out.sink
	o.Problem = func(path string, err error) { out.text += err.Error() + "\n" }
	if out.Result, err = Run(t.Context(), src, o); err != nil {
		t.Fatal(err)
	}
	return out
}

// file returns an entry and its content.
func (k *taken) file(t *testing.T, name string) (snapshot.Entry, string) {
	t.Helper()
	e := &k.Root
	for part := range strings.SplitSeq(name, "/") {
		next, err := snapshot.Lookup(t.Context(), k.sink, e.Subtree, part)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		e = next
	}
	var data []byte
	for c, err := range snapshot.Chunks(t.Context(), k.sink, e, 0) {
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, k.sink.chunks[c.ID]...)
	}
	return *e, string(data)
}

func TestFilesOfTheKernelAreStoredWithWhatIsReadOfThem(t *testing.T) {
	paths := []string{"/proc/version", "/proc/filesystems", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/devices/system/cpu/online"}
	for i, p := range paths {
		if _, err := os.ReadFile(p); err != nil && i > 1 {
			paths[i] = "/proc/devices"
		}
	}
	k := take(t, 0, nil, paths...)
	if k.text != "" || len(k.Missing) > 0 {
		t.Errorf("problems: %s %v", k.text, k.Missing)
	}
	for _, p := range paths {
		want, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if e, got := k.file(t, p[1:]); got != string(want) || e.Size != int64(len(want)) || len(want) == 0 {
			t.Errorf("%s: %d bytes, %q", p, e.Size, got)
		}
	}
}

// Some of these files can only be written. That is said, and doesn't make a snapshot bad.
func TestFilesOfTheKernelThatCannotBeReadAreNamedAndNotCounted(t *testing.T) {
	k := take(t, 0, nil, "/proc/sys/vm")
	if e, _ := k.file(t, "drop_caches"); e.Problem == "" || !strings.Contains(k.text, "/proc/sys/vm/drop_caches: ") {
		t.Skipf("drop_caches can be read here: %q", k.text)
	}
	if k.Unread.Files > 0 || k.Problems.Total == 0 {
		t.Errorf("%d unread, %d problems", k.Unread.Files, k.Problems.Total)
	}
}

// claimant is a file that says it has a size, whatever is in it.
type claimant struct {
	fs.Inode
	size uint64
	read func(ctx context.Context, dest []byte, at int64) (fuse.ReadResult, syscall.Errno)
}

func (c *claimant) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Mtime, out.Ctime = 0o644, c.size, 1e9, 1e9
	return 0
}

func (c *claimant) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

func (c *claimant) Read(ctx context.Context, _ fs.FileHandle, dest []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	return c.read(ctx, dest, at)
}

// newText returns a text that may be changed while it is served.
func newText(s string) *atomic.Value {
	v := new(atomic.Value)
	v.Store(s)
	return v
}

// holding has that text.
func holding(text *atomic.Value) func(context.Context, []byte, int64) (fuse.ReadResult, syscall.Errno) {
	return func(_ context.Context, dest []byte, at int64) (fuse.ReadResult, syscall.Errno) {
		all := text.Load().(string)
		rest := all[min(at, int64(len(all))):]
		return fuse.ReadResultData([]byte(rest[:min(len(rest), len(dest))])), 0
	}
}

// mountClaimants mounts a file system with those files.
func mountClaimants(t *testing.T, files map[string]*claimant) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount")
	}
	at := t.TempDir()
	root := &fs.Inode{}
	server, err := fs.Mount(at, root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMount: true},
		OnAdd: func(ctx context.Context) {
			for name, f := range files {
				root.AddChild(name, root.NewPersistentInode(ctx, f, fs.StableAttr{Mode: fuse.S_IFREG}), true)
			}
		},
	})
	if err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = server.Unmount() })
	return at
}

func TestFilesThatClaimToBeEmptyAreRead(t *testing.T) {
	short, long, none, later := newText("short"), newText(strings.Repeat("0123456789", 50_000)), newText(""), newText("")
	at := mountClaimants(t, map[string]*claimant{
		"short": {read: holding(short)}, "long": {read: holding(long)}, "none": {read: holding(none)},
		"later": {read: holding(later)}, "sized": {read: holding(short), size: 5},
	})
	k := take(t, 0, nil, at)
	for name, want := range map[string]string{"short": "short", "long": long.Load().(string), "none": "", "later": "", "sized": "short"} {
		if e, got := k.file(t, name); got != want || e.Size != int64(len(want)) || e.Problem != "" {
			t.Errorf("%s: %d bytes, %.20q, problem %q", name, e.Size, got, e.Problem)
		}
	}
	short.Store("other")
	later.Store("written since") // by no stamp and no size to be told from before
	again := take(t, 0, k, at)
	for name, want := range map[string]string{"short": "other", "later": "written since", "long": long.Load().(string)} {
		if _, got := again.file(t, name); got != want {
			t.Errorf("the next time %s is %.20q", name, got)
		}
	}
	if k.text+again.text != "" {
		t.Error(k.text, again.text)
	}
}

func TestWhatClaimsToBeEmptyAndCannotBeReadWholeIsNamedAndNotStoredEmpty(t *testing.T) {
	release := make(chan struct{})
	fine := newText("fine")
	blocks := func(_ context.Context, dest []byte, at int64) (fuse.ReadResult, syscall.Errno) {
		if at > 0 {
			<-release
		}
		return fuse.ReadResultData([]byte("x")), 0
	}
	files := map[string]*claimant{
		"again":  {read: func(context.Context, []byte, int64) (fuse.ReadResult, syscall.Errno) { return nil, syscall.EAGAIN }},
		"broken": {read: func(context.Context, []byte, int64) (fuse.ReadResult, syscall.Errno) { return nil, syscall.EIO }},
		"fine":   {read: holding(fine)},
	}
	for i := range maxHung + 3 {
		files[fmt.Sprintf("silent%02d", i)] = &claimant{read: blocks}
	}
	at := mountClaimants(t, files)
	t.Cleanup(func() { close(release) })        // before it is unmounted
	k := take(t, 100*time.Millisecond, nil, at) // enough for a file that answers, on a busy machine
	for name, want := range map[string]string{
		"again":  "would mean waiting",
		"broken": "input/output error", "silent00": "did not end within 100ms", fmt.Sprintf("silent%02d", maxHung+2): "files like it did not answer",
	} {
		if e, _ := k.file(t, name); e.Problem == "" || !strings.Contains(e.Problem, want) || e.Size != 0 {
			t.Errorf("%s: %d bytes, problem %q", name, e.Size, e.Problem)
		}
	}
	if e, got := k.file(t, "fine"); got != "fine" || e.Problem != "" {
		t.Errorf("fine: %q, problem %q", got, e.Problem)
	}
	if want := uint64(maxHung + 3 + 2); k.Unread.Files != want || k.Problems.Total != want {
		t.Errorf("%d unread, %d problems", k.Unread.Files, k.Problems.Total)
	}
}

func TestAFileWithoutEndIsReadUpToABound(t *testing.T) {
	zeros := make([]byte, 1<<20)
	endless := func(_ context.Context, dest []byte, _ int64) (fuse.ReadResult, syscall.Errno) {
		return fuse.ReadResultData(zeros[:min(len(dest), len(zeros))]), 0
	}
	at := mountClaimants(t, map[string]*claimant{"endless": {read: endless}})
	k := take(t, time.Minute, nil, at)
	if e, got := k.file(t, "endless"); !strings.Contains(e.Problem, "more than 64 MiB") || e.Size != 0 || got != "" {
		t.Errorf("%d bytes, problem %q", e.Size, e.Problem)
	}
}
