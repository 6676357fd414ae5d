package page

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A browser is Chromium without a window, all whose requests go to a proxy that only notes
// them.
type browser struct {
	*testing.T
	program string
	proxy   string

	mu       sync.Mutex
	requests []string
}

func newBrowser(t *testing.T) *browser {
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium; Debian has a package of that name")
	}
	b := &browser{T: t, program: program}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if host := r.URL.Hostname(); !strings.HasSuffix(host, ".google.com") && !strings.HasSuffix(host, ".googleapis.com") { // the browser's own
			b.requests = append(b.requests, r.Method+" "+r.URL.String())
		}
		w.WriteHeader(http.StatusTeapot)
	})}
	go func() { _ = server.Serve(l) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	b.proxy = l.Addr().String()
	return b
}

// opened is what became of a page: the document as the browser has it, what its console
// says, and which requests it made.
type opened struct{ dom, console, requests string }

// open opens a page.
func (b *browser) open(text string, flags ...string) opened {
	b.Helper()
	dir := b.TempDir()
	name := filepath.Join(dir, "report.html")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--no-first-run", "--disable-extensions", "--disable-features=OptimizationHints,MediaRouter", "--user-data-dir=" + filepath.Join(dir, "profile"),
		"--proxy-server=http://" + b.proxy, "--proxy-bypass-list=<-loopback>", "--enable-logging=stderr", "--v=0",
	}, flags...)
	cmd := exec.CommandContext(ctx, b.program, append(args, "--dump-dom", "file://"+name)...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		b.Fatalf("chromium: %v\n%s", err, log.String())
	}
	var console []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") {
			console = append(console, line)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	requests := strings.Join(b.requests, "\n")
	b.requests = nil
	return opened{out.String(), strings.Join(console, ""), requests}
}

func TestABrowserFetchesNothingAndHasNoComplaint(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a browser several times")
	}
	b := newBrowser(t)
	// What the test looks for is seen.
	bad := b.open(`<!DOCTYPE html><meta charset="utf-8"><img src="http://evil.invalid/a"><script>console.error('owned')</script>`)
	if !strings.Contains(bad.requests, "http://evil.invalid/a") || !strings.Contains(bad.console, "owned") {
		t.Fatalf("%+v", bad)
	}
	stopped := b.open(`<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="default-src 'none'"><img src="http://evil.invalid/a">`)
	if stopped.requests != "" || !strings.Contains(stopped.console, "Content Security Policy") {
		t.Fatalf("%+v", stopped)
	}

	for name, text := range map[string]string{"well": page(t, well()), "haunted": page(t, haunted())} {
		for _, dark := range []bool{false, true} {
			got := b.open(text, fmt.Sprintf("--blink-settings=preferredColorScheme=%d", map[bool]int{true: 0, false: 1}[dark]))
			if got.requests != "" || got.console != "" {
				t.Errorf("%s, dark %v: requests %q, console %q", name, dark, got.requests, got.console)
			}
			if n := strings.Count(got.dom, "<section"); n < 3 || !strings.Contains(got.dom, "</footer>") {
				t.Errorf("%s, dark %v: %d sections of\n%.2000s", name, dark, n, got.dom)
			}
			if found := foreign(t, got.dom); found != nil {
				t.Errorf("%s, dark %v: %q", name, dark, found)
			}
		}
	}
}
