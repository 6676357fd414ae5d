// Package hook runs the commands that a profile names for the moments of a run, and pings
// the URLs that want to hear of it.
//
// A hook is a program with arguments; a shell reads it only where that was asked for. It
// gets the environment without qsnap's secrets, variables about the run, and JSON on its
// standard input. What it prints is kept up to a bound.
//
// What must stay true: a hook has ended when its process has ended, whoever still holds its
// output. No hook outlasts its timeout, and none that prints without end takes memory. A
// ping never fails anything: whoever calls it learns why it did not get through, and goes on.
package hook
