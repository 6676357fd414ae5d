package sftp

import (
	"context"
	"sync"
)

// A pool lends connections, each to one operation at a time.
type pool struct {
	dial  func(context.Context) (*conn, error)
	slots chan struct{} // one element for each lent connection

	mu     sync.Mutex
	idle   []*conn
	open   map[*conn]bool // idle or lent
	closed bool
}

func newPool(size int, dial func(context.Context) (*conn, error)) *pool {
	return &pool{dial: dial, slots: make(chan struct{}, size), open: map[*conn]bool{}}
}

// get lends a connection; put returns it to the pool.
func (p *pool) get(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.take()
	if c == nil && err == nil {
		if c, err = p.dial(ctx); err == nil {
			err = p.add(c)
		}
	}
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

// take returns the most recently used idle connection that is alive, or nil.
func (p *pool) take() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if c.alive() {
			return c, nil
		}
		delete(p.open, c)
	}
	return nil, nil
}

func (p *pool) add(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.close(nil)
		return errClosed
	}
	p.open[c] = true
	return nil
}

// put returns a connection to the pool, and closes it unless it can be reused.
func (p *pool) put(c *conn, again bool) {
	if !again {
		c.close(nil)
	}
	p.mu.Lock()
	if !p.closed && c.alive() {
		p.idle = append(p.idle, c)
	} else {
		delete(p.open, c)
	}
	p.mu.Unlock()
	<-p.slots
}

// close closes all connections, whether lent or not.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.open {
		c.close(errClosed)
	}
	p.idle = nil
}
