// Package keyring keeps short secrets for a day in memory of the kernel, where only
// processes of the same user can read them and no disk ever sees them.
package keyring

// A Keyring is the user's persistent keyring, persistent-keyring(7), which outlives
// sessions, so that what cron starts finds what the last run left. The zero value is
// ready to use, by any number of goroutines. Where the kernel has none, or keeps a
// container from it, all errors are errors.ErrUnsupported or what the kernel says.
type Keyring struct{}
