package repo

import "context"

// A Pacer slows down long operations. It is asked before each part of them that takes more
// than a few milliseconds or moves more than a few MiB, such as a window of a file, a page of
// a tree, a segment to compress, or an object to store. It is safe for concurrent use.
type Pacer interface {
	// Pace returns when the next part may begin. Once the context is cancelled it returns
	// the context's error. It should return within a minute: the lease by which others see
	// that this run is alive is paced, too.
	Pace(ctx context.Context) error
}
