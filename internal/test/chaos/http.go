package chaos

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxBody bounds requests and answers, which are held in memory.
const maxBody = 64 << 20

// serveHTTP forwards the requests of a connection, one after another.
func (p *Proxy) serveHTTP(client net.Conn, number int) {
	in := bufio.NewReader(client)
	for n := 1; ; n++ {
		req, err := http.ReadRequest(in)
		if err != nil {
			return // the client has ended, or doesn't speak HTTP
		}
		x := &exchange{p: p, client: client, req: req, plan: p.draw(number, n)}
		x.event = Event{Conn: number, Request: n, Fault: x.plan.fault, Method: req.Method, Path: req.RequestURI}
		if !x.run() {
			return
		}
	}
}

// An exchange is one request and what becomes of it.
type exchange struct {
	p      *Proxy
	client net.Conn
	req    *http.Request
	plan   plan
	event  Event
}

// run forwards the request, and reports whether the connection can go on. It logs
// what it does before the client can see it.
func (x *exchange) run() bool {
	answer, err := x.answer()
	if err != nil {
		x.event.Err = err.Error()
	}
	if x.plan.fault != None || err != nil {
		x.p.log(x.event)
	}
	if err == nil {
		_, err = x.client.Write(answer)
	}
	switch {
	case err != nil, x.plan.fault == Drop, x.plan.fault == CutRequest, x.plan.fault == CutResponse:
		reset(x.client)
		return false
	}
	return x.plan.fault != Truncate && !x.req.Close
}

// answer returns what the client gets.
func (x *exchange) answer() (answer []byte, err error) {
	request, err := x.read()
	if err != nil {
		return nil, err
	}
	switch x.plan.fault {
	case Drop:
		return nil, nil
	case Unavailable:
		return x.unavailable(), nil
	case Delay:
		x.event.Delay = x.plan.delay
		x.p.pause(x.plan.delay)
	case CutRequest:
		x.event.After = x.plan.cut(len(request))
		return nil, x.send(request[:x.event.After])
	case Repeat:
		answer, err = x.ask(request)
		if err == nil {
			_, err = x.ask(request)
		}
		return answer, err
	case BadGateway:
		if _, err := x.ask(request); err != nil {
			return nil, err
		}
		return []byte("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), nil
	case RepeatLast:
		if _, err := x.ask(request); err != nil {
			return nil, err
		}
	}
	answer, err = x.ask(request)
	if err == nil && (x.plan.fault == CutResponse || x.plan.fault == Truncate) {
		x.event.After = x.plan.cut(len(answer))
		answer = answer[:x.event.After]
	}
	return answer, err
}

// read returns the whole request, as it is sent on.
func (x *exchange) read() ([]byte, error) {
	if strings.EqualFold(x.req.Header.Get("Expect"), "100-continue") {
		x.req.Header.Del("Expect")
		if _, err := io.WriteString(x.client, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return nil, err
		}
	}
	body, err := readBody(x.req.Body)
	if err != nil {
		return nil, err
	}
	out := x.req.Clone(x.p.ctx)
	out.Body, out.ContentLength, out.TransferEncoding = http.NoBody, int64(len(body)), nil
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // keeps Write from adding one
	}
	out.Close = true
	var b bytes.Buffer
	err = out.Write(&b)
	return b.Bytes(), err
}

func readBody(body io.ReadCloser) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err == nil && len(b) > maxBody {
		err = fmt.Errorf("chaos: a body of more than %d bytes", maxBody)
	}
	return b, err
}

func (x *exchange) unavailable() []byte {
	retry := ""
	if x.p.o.RetryAfter > 0 {
		retry = fmt.Sprintf("Retry-After: %d\r\n", x.p.o.RetryAfter/time.Second)
	}
	return []byte("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n" + retry + "\r\n")
}

// send sends a part of the request to the server.
func (x *exchange) send(part []byte) error {
	server, err := x.p.dial()
	if err != nil {
		return err
	}
	defer x.p.release(server)
	_, err = server.Write(part)
	return err
}

// ask sends the request to the server and returns the whole answer, as it is sent
// back.
func (x *exchange) ask(request []byte) ([]byte, error) {
	server, err := x.p.dial()
	if err != nil {
		return nil, err
	}
	defer x.p.release(server)
	// It may answer before it has read all.
	var writing sync.WaitGroup
	writing.Go(func() { server.Write(request) })
	defer writing.Wait()
	defer server.Close()
	resp, err := http.ReadResponse(bufio.NewReader(server), x.req)
	if err != nil {
		return nil, err
	}
	body, err := readBody(resp.Body)
	if err != nil {
		return nil, err
	}
	if x.req.Method != http.MethodHead {
		resp.ContentLength, resp.TransferEncoding = int64(len(body)), nil
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp.Header.Del("Connection")
	resp.Close = x.req.Close
	var b bytes.Buffer
	err = resp.Write(&b)
	return b.Bytes(), err
}
