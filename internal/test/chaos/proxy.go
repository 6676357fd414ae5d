package chaos

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// Options say what a Proxy does. Server is needed, all else has a useful zero.
type Options struct {
	Server string // that connections are forwarded to, as host:port
	Seed   uint64
	HTTP   bool    // it speaks HTTP/1.1, in the clear: faults strike single requests
	Rate   float64 // of what a fault strikes, from 0 to 1
	Faults []Fault // that may strike; nil is all of Faults

	MaxDelay   time.Duration // 20 ms if zero
	RetryAfter time.Duration // that a 503 asks for, in whole seconds; 0 is nothing
}

// A Proxy is a bad network to one server. Its methods may be called at any time.
type Proxy struct {
	o        Options
	listener net.Listener
	ctx      context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	rate   float64
	down   bool
	conns  map[net.Conn]bool
	number int // of the last connection
	events []Event
}

// Start returns a Proxy that listens.
func Start(o Options) (*Proxy, error) {
	if o.MaxDelay == 0 {
		o.MaxDelay = 20 * time.Millisecond
	}
	if len(o.Faults) == 0 {
		o.Faults = Faults(o.HTTP)
	}
	if !o.HTTP && slices.ContainsFunc(o.Faults, func(f Fault) bool { return f >= Unavailable }) {
		return nil, errors.New("chaos: a fault of HTTP on connections that are not")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{o: o, listener: listener, rate: o.Rate, conns: map[net.Conn]bool{}}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.running.Go(p.accept)
	return p, nil
}

// Addr returns where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetRate sets how much a fault strikes from now on: 0 is a good network.
func (p *Proxy) SetRate(rate float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate = rate
}

// SetDown resets all connections, and those to come, until it is called with false.
func (p *Proxy) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	if down {
		p.resetAll()
	}
}

// Events returns what has been done so far. What passed untouched is not in it.
func (p *Proxy) Events() []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// Close ends all connections, and returns when nothing of the proxy is left.
func (p *Proxy) Close() error {
	p.stop()
	err := p.listener.Close()
	p.mu.Lock()
	p.resetAll()
	p.mu.Unlock()
	p.running.Wait()
	return err
}

func (p *Proxy) resetAll() {
	for conn := range p.conns {
		reset(conn)
	}
}

// reset ends a connection so that the other side sees it break (RFC 9293, 3.5.3).
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.mu.Lock()
		p.number++
		number := p.number
		p.mu.Unlock()
		if !p.keep(conn) {
			p.log(Event{Conn: number, Request: 1, Fault: Down})
			continue
		}
		p.running.Go(func() {
			defer p.release(conn)
			if p.o.HTTP {
				p.serveHTTP(conn, number)
			} else {
				p.serveStream(conn, number)
			}
		})
	}
}

// keep has a connection be reset with the others. It reports whether the network
// is up; else the connection is reset at once.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down || p.ctx.Err() != nil {
		reset(conn)
		return false
	}
	p.conns[conn] = true
	return true
}

func (p *Proxy) release(conn net.Conn) {
	conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// dial connects to the server.
func (p *Proxy) dial() (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(p.ctx, "tcp", p.o.Server)
	if err == nil && !p.keep(conn) {
		err = errors.New("the network is down")
	}
	return conn, err
}

func (p *Proxy) log(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// draw returns what befalls a request.
func (p *Proxy) draw(conn, request int) plan {
	p.mu.Lock()
	rate := p.rate
	p.mu.Unlock()
	return p.o.plan(conn, request, rate)
}

// pause waits, as long as the proxy is open.
func (p *Proxy) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
	}
}
