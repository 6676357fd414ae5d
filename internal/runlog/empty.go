package runlog

import (
	"log/slog"
	"time"
)

// LeaveOutEmpty leaves out attributes that say nothing: an empty text, no time, no value. It
// is a ReplaceAttr of slog.HandlerOptions.
func LeaveOutEmpty(_ []string, a slog.Attr) slog.Attr {
	var empty bool
	switch a.Value.Kind() {
	case slog.KindString:
		empty = a.Value.String() == ""
	case slog.KindTime:
		empty = a.Value.Time().IsZero()
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case nil:
			empty = true
		case time.Time: // out of the range that slog keeps as a time, such as none
			empty = v.IsZero()
		}
	}
	if empty {
		return slog.Attr{}
	}
	return a
}
