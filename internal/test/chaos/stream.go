package chaos

import (
	"io"
	"math"
	"net"
	"slices"
	"sync"
)

// longestCut is where a stream is cut at the latest. Where exactly is drawn on a
// logarithmic scale, as most that is said on a connection is short.
const longestCut = 1 << 20

// serveStream forwards a connection of any protocol.
func (p *Proxy) serveStream(client net.Conn, number int) {
	plan := p.draw(number, 1)
	e := Event{Conn: number, Request: 1, Fault: plan.fault}
	switch plan.fault {
	case None:
	case CutRequest, CutResponse, Truncate:
		e.After = int(math.Pow(longestCut, plan.where))
	case Delay:
		e.Delay = plan.delay
	}
	if plan.fault != None {
		p.log(e)
	}
	if plan.fault == Drop {
		reset(client)
		return
	}
	p.pause(e.Delay)
	server, err := p.dial()
	if err != nil {
		e.Err = err.Error()
		p.log(e)
		reset(client)
		return
	}
	defer p.release(server)
	limit := func(faults ...Fault) int64 {
		if slices.Contains(faults, plan.fault) {
			return int64(e.After)
		}
		return math.MaxInt64
	}
	cut := func() {
		if plan.fault == Truncate {
			closeWrite(client)
		} else {
			reset(client)
		}
		reset(server)
	}
	var copies sync.WaitGroup
	copies.Go(func() { forward(server, client, limit(CutRequest), cut) })
	copies.Go(func() { forward(client, server, limit(CutResponse, Truncate), cut) })
	copies.Wait()
}

// forward copies until one side ends, which it tells the other. It cuts both if one
// breaks or the limit is reached.
func forward(to, from net.Conn, limit int64, cut func()) {
	n, err := io.Copy(struct{ io.Writer }{to}, io.LimitReader(from, limit))
	if err != nil || n == limit {
		cut()
		return
	}
	closeWrite(to)
}

// closeWrite tells the other side that nothing more will come.
func closeWrite(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.CloseWrite()
	}
}
