package rclone

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qsnap/qsnap/target/webdav"
)

const (
	host = "127.0.0.1"
	user = "qsnap"
)

// A server is a running rclone.
type server struct {
	cmd     *exec.Cmd
	journal *journal
	address chan string   // receives the address where it listens, once
	ended   chan struct{} // closed when it has ended
	err     error         // why it ended
}

// start runs rclone.
func (o *Options) start(password string) (*server, error) {
	s := &server{journal: newJournal(), address: make(chan string, 1), ended: make(chan struct{})}
	s.journal.secret, s.journal.address = password, s.address
	args := []string{"--ask-password=false", "serve", "webdav", "--addr", host + ":0",
		"--dir-cache-time", "0s", "--poll-interval", "0s", "--vfs-cache-mode", "off", "--no-modtime"}
	s.cmd = exec.Command(o.Command, append(append(args, o.Args...), o.Remote)...)
	s.cmd.Env, s.cmd.Stderr = environment(password), s.journal
	s.cmd.WaitDelay = time.Second
	bindLife(s.cmd)
	started := make(chan error)
	go func() {
		// Linux ends a child that is bound to this process when the thread that started it
		// ends, so that thread must stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.err = s.cmd.Wait()
			if s.err == nil {
				s.err = errors.New("rclone has ended")
			}
			close(s.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("rclone %s: %w", o.Remote, err)
	}
	return s, nil
}

// stop ends rclone, gently at first.
func (s *server) stop() error {
	select {
	case <-s.ended:
		return nil
	default:
	}
	if s.cmd.Process.Signal(os.Interrupt) == nil { // not supported on Windows
		kind := time.NewTimer(5 * time.Second)
		defer kind.Stop()
		select {
		case <-s.ended:
			return nil
		case <-kind.C:
		}
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end rclone: %w", err)
	}
	<-s.ended
	return nil
}

// A transport adds rclone's messages to failures.
type transport struct {
	*http.Transport
	server *server
	remote string
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	said := t.server.journal.count()
	resp, err := t.Transport.RoundTrip(req)
	if err != nil {
		if req.Context().Err() == nil {
			select {
			case <-t.server.ended:
				return nil, &webdav.Error{Op: "rclone", Name: t.remote, Text: t.server.journal.explain(t.server.err, 0).Error(), Err: t.server.err}
			case <-time.After(100 * time.Millisecond): // rclone may be about to end
			}
		}
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusInternalServerError, http.StatusInsufficientStorage:
		long := 100 * time.Millisecond
		if req.Method == "MKCOL" || req.Method == "MOVE" {
			long = 0 // failures are normal answers here
		}
		if words := t.server.journal.wait(said, long); words != "" {
			resp.Body.Close()
			resp.Body = io.NopCloser(strings.NewReader(words))
			resp.Header.Set("Content-Type", "text/plain")
			resp.ContentLength = int64(len(words))
		}
	}
	return resp, nil
}

// A journal keeps the last lines that rclone has written.
type journal struct {
	secret  string
	address chan<- string // receives the address when a line has one

	mu    sync.Mutex
	part  []byte // beginning of a line
	lines []string
	n     int // number of all lines so far
	more  chan struct{}
}

const (
	maxLines = 5
	maxLine  = 300
)

var (
	listens = regexp.MustCompile(`(?i)webdav server started on \[?(http://[^\s\]]+)`)
	grave   = regexp.MustCompile(`^(ERROR|CRITICAL|Fatal|Failed)\b`)
	stamp   = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(\.\d+)? `)
)

func newJournal() *journal { return &journal{more: make(chan struct{})} }

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.part = append(j.part, p...)
	for {
		line, rest, ok := bytes.Cut(j.part, []byte("\n"))
		if !ok {
			break
		}
		j.part = rest
		j.add(string(line))
	}
	if len(j.part) > 64<<10 {
		j.part = nil // not a useful line
	}
	return len(p), nil
}

func (j *journal) add(line string) {
	if m := listens.FindStringSubmatch(line); m != nil && j.address != nil {
		j.address <- m[1]
		j.address = nil
		return
	}
	line = stamp.ReplaceAllString(strings.TrimSpace(line), "")
	if line == "" || strings.Contains(line, "Config file") && strings.Contains(line, "using defaults") {
		return
	}
	if j.secret != "" {
		line = strings.ReplaceAll(line, j.secret, "…")
	}
	line = strings.ToValidUTF8(line[:min(len(line), maxLine)], "")
	j.lines = append(j.lines, line)
	j.lines = j.lines[max(0, len(j.lines)-maxLines):]
	j.n++
	close(j.more)
	j.more = make(chan struct{})
}

// count returns how many lines have been written.
func (j *journal) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.n
}

// wait returns the lines that follow the first after lines. If there are none, it waits up to
// long for one.
func (j *journal) wait(after int, long time.Duration) string {
	j.mu.Lock()
	n, more := j.n, j.more
	j.mu.Unlock()
	if n == after {
		select {
		case <-more:
		case <-time.After(long):
		}
	}
	return j.since(after)
}

// since returns the lines that follow the first after lines, joined to one line. If some are
// about errors, it returns only those.
func (j *journal) since(after int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines[max(0, len(j.lines)-(j.n-after)):]
	if bad := slices.DeleteFunc(slices.Clone(lines), func(s string) bool { return !grave.MatchString(s) }); len(bad) > 0 {
		lines = bad
	}
	return strings.Join(lines, "; ")
}

// explain adds to an error the lines that follow the first after lines.
func (j *journal) explain(err error, after int) error {
	if words := j.since(after); words != "" {
		return fmt.Errorf("%w: %s", err, words)
	}
	return err
}
