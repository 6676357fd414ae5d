// Command outside is a backup program of somebody else's: it does what qsnap does, on any
// target, with nothing but the public packages. Its test builds it in a module of its own,
// outside of the checkout, and runs it against servers.
package main
