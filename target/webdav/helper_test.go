package webdav

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

const password = "correct-horse"

// isLine checks that an error is one clear line with some words and no secret.
func isLine(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", words)
		return
	}
	text := err.Error()
	if strings.ContainsAny(text, "\n\r") || strings.Contains(text, password) || len(text) > 400 {
		t.Errorf("not one clear line: %q", text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q doesn't say %q", text, w)
		}
	}
}

// isTemporary checks what a wrapper that tries again would see.
func isTemporary(t testing.TB, err error, want bool, after time.Duration) {
	t.Helper()
	e, ok := errors.AsType[interface {
		error
		Temporary() bool
		RetryAfter() time.Duration
	}](err)
	if got := ok && e.Temporary(); got != want || ok && e.RetryAfter() != after {
		t.Errorf("%v: temporary is %v", err, got)
	}
}

// putText puts an object of some text.
func putText(tgt *Target, name, text string) error {
	return tgt.Put(context.Background(), name, strings.NewReader(text), int64(len(text)))
}

// instead returns a function that answers one method once the target is open.
func answering(method string, do func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == method {
			do(w, r)
			return true
		}
		return false
	}
}

func status(code int, header ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}
