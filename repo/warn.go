package repo

import "log/slog"

// LogTo returns a function for Options.Warn that logs each oddity as a warning, with the
// error as the attribute "err".
func LogTo(h slog.Handler) func(error) {
	log := slog.New(h)
	return func(err error) { log.Warn("qsnap", "err", err) }
}
