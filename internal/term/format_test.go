package term

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSizesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "10M": 10 << 20, "500K": 500 << 10, "1.5MiB": 3 << 19, "2 GiB": 2 << 30, "7": 7, "7b": 7, "1kb": 1 << 10} {
		if n, err := ParseSize(text); n != want || err != nil {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "M", "-1", "NaN", "Inf", "1e300", "10X", "1 0", "ten"} {
		if n, err := ParseSize(text); err == nil {
			t.Errorf("%s: %d", text, n)
		}
	}
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"10M", "1.5MiB", "0x10", "1_000", "NaN", "1e9T"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseSize(text); err == nil && (n < 0 || n > 1<<62) {
			t.Errorf("%q: %d", text, n)
		}
	})
}

func TestNumbersAreShownAsPeopleReadThem(t *testing.T) {
	for want, got := range map[string]string{
		"0 B":              Size(0),
		"1023 B":           Size(1023),
		"1.0 KiB":          Size(1024),
		"99.9 KiB":         Size(102297),
		"100 KiB":          Size(100 * 1024),
		"1.5 MiB":          Size(3 << 19),
		"16384 PiB":        Size(uint64(1<<64 - 1)),
		"7":                Count(7),
		"999":              Count(999),
		"1,000":            Count(1000),
		"1,234,567":        Count(uint64(1234567)),
		"1 file":           Plural(1, "file", "files"),
		"0 files":          Plural(0, "file", "files"),
		"1,000 files":      Plural(1000, "file", "files"),
		"0.05 s":           Duration(50 * time.Millisecond),
		"12.3 s":           Duration(12300 * time.Millisecond),
		"1:05 min":         Duration(65 * time.Second),
		"2:00:01 h":        Duration(2*time.Hour + time.Second),
		"12 µs":            Latency(12 * time.Microsecond),
		"40.1 ms":          Latency(40100 * time.Microsecond),
		"1:05":             Clock(65 * time.Second),
		"1:00:05":          Clock(time.Hour + 5*time.Second),
		"plain text, ü":    Printable("plain text, ü"),
		`a\nb\x1b[K\xff`:   Printable("a\nb\x1b[K\xff"),
		`first; sec\x1bnd`: OneLine(errors.New("first\nsec\x1bnd")),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestATableIsAligned(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, [][]string{{"ID", "SIZE"}, {"long-id", "1 B"}}); err != nil || b.String() != "ID       SIZE\nlong-id  1 B\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
