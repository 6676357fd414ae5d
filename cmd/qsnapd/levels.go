package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/qsnap/qsnap/internal/runlog"
)

// levels say what is logged: each component may have a level of its own. They may change at
// any time.
type levels struct {
	mu   sync.Mutex
	base slog.Level
	of   map[string]slog.Level // by component
}

func newLevels() *levels { return &levels{of: map[string]slog.Level{}} }

// parseLevel returns the level with a name.
func parseLevel(name string) (l slog.Level, err error) {
	switch name {
	case "debug", "info", "warn", "error":
		return l, l.UnmarshalText([]byte(name))
	}
	return l, fmt.Errorf("log level %q: want debug, info, warn or error", name)
}

// change sets the level of a component, or with "" of all that have none of their own.
func (l *levels) change(component, name string) error {
	level, err := parseLevel(name)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if component == "" {
		l.base = level
	} else {
		l.of[component] = level
	}
	return nil
}

// set replaces all levels by those of the configuration, and then those of the flag.
func (l *levels) set(base string, of map[string]string, flag string) error {
	next := newLevels()
	if base != "" {
		if err := next.change("", base); err != nil {
			return err
		}
	}
	for component, name := range of {
		if err := next.change(component, name); err != nil {
			return err
		}
	}
	for part := range strings.SplitSeq(flag, ",") {
		if part == "" {
			continue
		}
		component, name, one := strings.Cut(part, "=")
		if !one {
			component, name = "", part
		}
		if err := next.change(component, name); err != nil {
			return fmt.Errorf("--log-level: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.base, l.of = next.base, next.of
	return nil
}

func (l *levels) enabled(component string, level slog.Level) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if own, ok := l.of[component]; ok {
		return level >= own
	}
	return level >= l.base
}

// logger returns a logger that heeds the levels.
func (l *levels) logger(to io.Writer, asJSON bool) *slog.Logger {
	all := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: runlog.LeaveOutEmpty}
	var h slog.Handler = slog.NewTextHandler(to, all)
	if asJSON {
		h = slog.NewJSONHandler(to, all)
	}
	return slog.New(levelHandler{h, l, ""})
}

// A levelHandler leaves out what is below the level of its component.
type levelHandler struct {
	slog.Handler
	levels    *levels
	component string
}

// Enabled reports whether a level is logged.
func (h levelHandler) Enabled(_ context.Context, level slog.Level) bool {
	return h.levels.enabled(h.component, level)
}

// WithAttrs returns a handler that adds attributes. The attribute "component" chooses the
// level.
func (h levelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	component := h.component
	for _, a := range attrs {
		if a.Key == "component" {
			component = a.Value.String()
		}
	}
	return levelHandler{h.Handler.WithAttrs(attrs), h.levels, component}
}

// WithGroup returns a handler whose attributes are in a group.
func (h levelHandler) WithGroup(name string) slog.Handler {
	return levelHandler{h.Handler.WithGroup(name), h.levels, h.component}
}
