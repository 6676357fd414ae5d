package governor

import "testing"

// The loop itself costs 20 measurements a second, and one in 5 ms while work asks.
func BenchmarkMeasurement(b *testing.B) {
	m := newMeter()
	for b.Loop() {
		m.use()
	}
}

func BenchmarkLookAtTheMachine(b *testing.B) {
	m := newMeter()
	for b.Loop() {
		m.load()
	}
}

func BenchmarkPace(b *testing.B) {
	g, err := Start(Config{Limits: Constant(Limits{Mode: Off})})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Stop()
	for b.Loop() {
		if err := g.Pace(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
