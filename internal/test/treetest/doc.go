// Package treetest makes directory trees for tests, with all that file systems
// allow, and compares them. It goes by system calls of its own, not by package
// disk, which it helps to test.
package treetest
