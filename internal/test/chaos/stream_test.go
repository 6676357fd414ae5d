package chaos

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// echo is a server that sends back what it gets, once it has got all. The function
// returns what each connection brought.
func echo(t *testing.T) (addr string, brought func() []byte) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got := make(chan []byte, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b, err := io.ReadAll(conn)
			if err == nil {
				conn.Write(b)
			}
			conn.Close()
			got <- b
		}
	}()
	return l.Addr().String(), func() []byte { return <-got }
}

// say sends a text through a proxy and returns the answer.
func say(p *Proxy, text []byte) ([]byte, error) {
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_, err = conn.Write(text)
	if err == nil {
		err = conn.(*net.TCPConn).CloseWrite()
	}
	b, readErr := io.ReadAll(conn)
	return b, errors.Join(err, readErr)
}

func TestStreamFaultsDoWhatTheySay(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 200_000) // more than any cut is after
	for fault, want := range map[Fault]error{Delay: nil, Drop: syscall.ECONNRESET, CutRequest: syscall.ECONNRESET, CutResponse: syscall.ECONNRESET, Truncate: nil} {
		addr, brought := echo(t)
		p := start(t, Options{Server: addr, Rate: 1, Faults: []Fault{fault}, Seed: 3, MaxDelay: time.Millisecond})
		answer, err := say(p, text)
		if want == nil && err != nil || want != nil && err == nil {
			t.Errorf("%s: %v", fault, err)
		}
		events := p.Events()
		if len(events) != 1 || events[0].Fault != fault || events[0].Err != "" {
			t.Fatalf("%s: events %v", fault, events)
		}
		after := events[0].After
		switch fault {
		case Delay:
			if !bytes.Equal(answer, text) || !bytes.Equal(brought(), text) {
				t.Errorf("delay: %d bytes came back", len(answer))
			}
		case CutRequest:
			if got := brought(); len(got) > after || len(answer) > 0 {
				t.Errorf("cut request after %d bytes: the server got %d, the client %d", after, len(got), len(answer))
			}
		case CutResponse, Truncate:
			if got := brought(); !bytes.Equal(got, text) || len(answer) > after || fault == Truncate && len(answer) != after {
				t.Errorf("%s after %d bytes: the server got %d, the client %d", fault, after, len(got), len(answer))
			}
		}
	}
}

func TestStreamsThatAreLeftAloneGetThrough(t *testing.T) {
	addr, brought := echo(t)
	p := start(t, Options{Server: addr})
	for _, text := range []string{"", "x", string(make([]byte, 1_000_000))} {
		answer, err := say(p, []byte(text))
		if err != nil || string(answer) != text || string(brought()) != text {
			t.Errorf("of %d bytes %d came back, %v", len(text), len(answer), err)
		}
	}
	if events := p.Events(); len(events) > 0 {
		t.Errorf("events %v", events)
	}
}

func TestAFaultThatCannotHappenIsRefused(t *testing.T) {
	if _, err := Start(Options{Server: "127.0.0.1:1", Faults: []Fault{Drop, Repeat}}); err == nil {
		t.Error("a stream whose requests are repeated")
	}
}
