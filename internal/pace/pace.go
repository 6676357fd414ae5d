// Package pace lets a caller slow down what the rooms do.
//
// What must stay true: whoever does work that takes more than a few milliseconds calls Pace
// before each part of it, such as a window of a file, a page of a tree, or a segment. No
// mutex is held meanwhile that isn't a ctxmutex, since Pace may wait for seconds.
package pace

import "context"

// A Pacer decides when the next part of some work may begin. It is safe for concurrent use.
type Pacer interface {
	// Pace returns when the next part may begin, or with the context's error once the
	// context is cancelled.
	Pace(ctx context.Context) error
}

// Free never waits.
var Free Pacer = free{}

type free struct{}

// Pace is part of Pacer.
func (free) Pace(ctx context.Context) error { return ctx.Err() }

// Or returns a Pacer, or Free instead of nil.
func Or(p Pacer) Pacer {
	if p == nil {
		return Free
	}
	return p
}
