package target

import "syscall"

// brokenNetwork are the socket errors that go away by themselves, as numbered in "Windows
// Sockets Error Codes" of Microsoft's Winsock reference.
var brokenNetwork = []syscall.Errno{
	10050, // network is down
	10051, // network is unreachable
	10052, // network dropped the connection on reset
	10053, // connection aborted
	10054, // connection reset
	10060, // connection timed out
	10061, // connection refused
	10064, // host is down
	10065, // no route to host
}
