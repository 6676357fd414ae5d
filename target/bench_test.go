package target_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

// BenchmarkPutAndGet shows what the wrappers cost above memory alone. The rate of
// the throttle is one that nothing waits for.
func BenchmarkPutAndGet(b *testing.B) {
	for _, w := range []struct {
		name string
		wrap func(target.Target) target.Target
	}{
		{"memory", func(t target.Target) target.Target { return t }},
		{"retry", func(t target.Target) target.Target { return retry(t) }},
		{"throttle", func(t target.Target) target.Target { return target.NewThrottle(t, 1<<50, 1<<50) }},
		{"meter", func(t target.Target) target.Target { return target.NewMeter(t) }},
		{"watch", func(t target.Target) target.Target { return target.NewWatchdog(t, time.Minute) }},
	} {
		b.Run(w.name, func(b *testing.B) {
			t, data := w.wrap(&targettest.Memory{}), make([]byte, 1<<20)
			b.SetBytes(2 * int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := t.Put(b.Context(), "packs/a", bytes.NewReader(data), int64(len(data))); err != nil {
					b.Fatal(err)
				}
				rc, err := t.Get(b.Context(), "packs/a", 0, -1)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(rc, data); err != nil {
					b.Fatal(err)
				}
				rc.Close()
				if err := t.Delete(b.Context(), "packs/a"); err != nil { // so that memory is enough
					b.Fatal(err)
				}
			}
		})
	}
}
