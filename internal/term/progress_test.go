package term

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestALogGetsALineNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := NewProgress(&b, false)
		if p.Due() {
			t.Error("a line is due at once")
		}
		time.Sleep(logInterval)
		if !p.Due() || p.Due() {
			t.Error("one line is due after 30 s")
		}
		p.Show(1<<20, 4<<20, 10*time.Second, "reading", "/srv/app")
		p.Show(5, 0, time.Second/2, "looking", "")
		p.Clear()
		p.Interject("the server is away")
		if want := "[0:10]  25.0%  reading  102 KiB/s  ETA 0:30\n[0:00] looking\nthe server is away\n"; b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	})
}

func TestATerminalHasOneLineThatFits(t *testing.T) {
	var b strings.Builder
	p := &Progress{out: &b, terminal: true, width: 40}
	p.Show(0, 0, 0, "reading", "/srv/a/very/long/name/of/a/file\x1b")
	p.Line(strings.Repeat("x", 60), "")
	p.Clear()
	p.Clear()
	p.Interject("away")
	want := "\r\x1b[K[0:00] reading  …ong/name/of/a/file\\x1b\r\x1b[K" + strings.Repeat("x", 39) + "\r\x1b[K\r\x1b[Kaway\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestASilentProgressPrintsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := NewProgress(&b, true)
		time.Sleep(time.Hour)
		if p.Due() {
			t.Error("a line is due")
		}
		p.Interject("away")
		if b.Len() > 0 {
			t.Error(b.String())
		}
	})
}
