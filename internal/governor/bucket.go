package governor

import (
	"math"
	"time"
)

const (
	// burst is how much may be used at once after idle time, in seconds of the rate. What is
	// measured less often needs more, or what one measurement leaves would be lost.
	burst     = 0.1
	longBurst = 0.5
	// window is the time over which a budget holds. More debt than a window of the rate is
	// dropped: no window then contains both its cause and what is used later.
	window = 10 * time.Second
	// margin is how far below the budget the loop aims, as a ratio of the whole machine, and
	// at most that part of the budget. Several runs hardly ever overshoot at the same time, so
	// together they need not twice the margin of one, but less.
	margin, marginPart = 0.005, 0.2
)

// A bucket holds a rate. Its level is what may be used at once. A negative level is debt,
// which is paid by waiting.
type bucket struct {
	limited bool
	burst   float64 // seconds of the rate
	rate    float64 // units a second
	level   float64
}

// set changes the rate, to a part of a ratio of all. A ratio of zero is no limit.
func (b *bucket) set(ratio, part, all float64) {
	b.limited = ratio > 0
	b.rate = (ratio*part - min(margin*math.Sqrt(part), marginPart*ratio*part)) * all
	b.clamp()
}

// pass adds what the rate allows in a time, and subtracts what was used in it.
func (b *bucket) pass(d time.Duration, used float64) {
	b.level += b.rate*d.Seconds() - used
	b.clamp()
}

func (b *bucket) clamp() {
	b.level = max(min(b.level, b.burst*b.rate), -b.rate*window.Seconds())
}

// isOverdrawn reports whether work has to wait.
func (b *bucket) isOverdrawn() bool { return b.limited && b.level < 0 }

// wait returns how long it takes until enough may be used that it is worth going on.
func (b *bucket) wait() time.Duration {
	if !b.limited || b.rate <= 0 {
		return 0
	}
	return max(0, time.Duration((b.burst/2-b.level/b.rate)*float64(time.Second)))
}
