// Package keyring keeps short secrets for a day in the kernel's memory. Only processes of
// the same user can read them, and they never get to a disk.
package keyring

// A Keyring is the user's persistent keyring, persistent-keyring(7). It outlives
// sessions, so that a cron job finds what the last run left. The zero value is ready to
// use, by any number of goroutines. If the kernel has no such keyring, or denies it to a
// container, all errors are errors.ErrUnsupported or the kernel's.
type Keyring struct{}
