package main

import (
	"fmt"
	"net"
	"strings"
)

// A notifier tells systemd what the service does (sd_notify(3)).
type notifier struct{ socket string }

func newNotifier(getenv func(string) string) notifier { return notifier{getenv("NOTIFY_SOCKET")} }

// send sends lines. What isn't heard changes nothing here.
func (n notifier) send(text string) {
	if n.socket == "" {
		return
	}
	name := n.socket
	if rest, abstract := strings.CutPrefix(name, "@"); abstract {
		name = "\x00" + rest
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(text))
}

// reloading says that the configuration is being read. READY=1 ends that.
func (n notifier) reloading() {
	n.send(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonicMicroseconds()))
}
