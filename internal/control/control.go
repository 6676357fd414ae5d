// Package control is the control socket of the service: it answers package client.
//
// It is a Unix socket in the state directory, which speaks JSON over HTTP. What must stay
// true:
//
//   - Only the owner of the service, and root, may change anything. Whoever connects is known
//     by the kernel, not by what they say.
//   - The members of the group that the configuration names may read. All others can't
//     connect.
//   - A client that reads slowly, or not at all, costs one connection.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/repo/report"
)

// ErrUnknown is the error of a verb whose object isn't there.
var ErrUnknown = errors.New("unknown")

// Verbs are what the socket lets one do. All are set, and may be called at the same time.
type Verbs struct {
	Status   func() report.Service
	Log      func(ctx context.Context, name string, follow bool, to io.Writer) error // flushes what it writes
	Run      func(client.Run) (report.RunRequested, error)
	Move     func(client.Change) error
	Drop     func(name string) error
	Cancel   func(name string) error
	Pause    func(profile string) error
	Resume   func(profile string) error
	Reload   func() error
	LogLevel func(client.LogLevel) error
}

// Options say who may use the socket.
type Options struct {
	Path  string // of the socket
	Group string // its members may read; none: nobody but the owner
	Log   *slog.Logger
	Now   func() time.Time // for deadlines of connections
}

// A Server answers on the socket.
type Server struct {
	http     http.Server
	listener net.Listener
}

// Serve begins to answer. The caller holds a lock that keeps others from serving at this path:
// a socket that is there is left over, and is replaced.
func Serve(o Options, v Verbs) (*Server, error) {
	l, err := listen(o.Path, o.Group)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", o.Path, err)
	}
	s := &Server{listener: l}
	s.http = http.Server{
		Handler: handler(v, o.Now), ConnContext: withPeer, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	go func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.Log.Error("the control socket answers no more", "err", err)
		}
	}()
	return s, nil
}

// Close ends all connections and removes the socket.
func (s *Server) Close() error { return s.http.Close() }

// longestRequest is more than any request needs.
const longestRequest = 64 << 10

func handler(v Verbs, now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/service", func(w http.ResponseWriter, r *http.Request) { answer(w, v.Status(), nil) })
	mux.HandleFunc("GET /v1/log", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		out := &stream{w: w, flush: http.NewResponseController(w), now: now}
		if err := v.Log(r.Context(), q.Get("name"), q.Get("follow") == "true", out); err != nil && !out.begun {
			answer(w, nil, err)
		}
	})
	mux.HandleFunc("POST /v1/runs", change(func(in client.Run) (any, error) { return v.Run(in) }))
	done := func(do func(client.Change) error) http.HandlerFunc {
		return change(func(in client.Change) (any, error) { return struct{}{}, do(in) })
	}
	named := func(do func(string) error) http.HandlerFunc {
		return done(func(in client.Change) error { return do(in.Name) })
	}
	mux.HandleFunc("POST /v1/move", done(v.Move))
	mux.HandleFunc("POST /v1/drop", named(v.Drop))
	mux.HandleFunc("POST /v1/cancel", named(v.Cancel))
	mux.HandleFunc("POST /v1/pause", named(v.Pause))
	mux.HandleFunc("POST /v1/resume", named(v.Resume))
	mux.HandleFunc("POST /v1/reload", change(func(struct{}) (any, error) { return struct{}{}, v.Reload() }))
	mux.HandleFunc("POST /v1/log-level", change(func(in client.LogLevel) (any, error) { return struct{}{}, v.LogLevel(in) }))
	return mux
}

// change handles a verb that changes something: only the owner may use it.
func change[T any](do func(T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if p, _ := r.Context().Value(peerKey{}).(peer); !p.owner {
			fail(w, http.StatusForbidden, "only the owner of the service may change what it does")
			return
		}
		var in T
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestRequest)).Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			fail(w, http.StatusBadRequest, "request: "+err.Error())
			return
		}
		out, err := do(in)
		answer(w, out, err)
	}
}

// answer sends a value, or an error.
func answer(w http.ResponseWriter, v any, err error) {
	switch {
	case errors.Is(err, ErrUnknown):
		fail(w, http.StatusNotFound, err.Error())
	case err != nil:
		fail(w, http.StatusConflict, err.Error())
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v) // a client that has gone is no concern
	}
}

func fail(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(client.Failure{Error: text})
}

// A stream is sent as it is written. A write that takes too long ends it.
type stream struct {
	w     io.Writer
	flush *http.ResponseController
	now   func() time.Time
	begun bool
}

// writeTime is how long a client may take to read what was written.
const writeTime = 30 * time.Second

// Write sends bytes at once.
func (s *stream) Write(b []byte) (int, error) {
	s.begun = true
	_ = s.flush.SetWriteDeadline(s.now().Add(writeTime)) // a connection without deadlines goes on without one
	n, err := s.w.Write(b)
	if err == nil {
		err = s.flush.Flush()
	}
	return n, err
}

// peerKey is the key of a peer in the context of a connection.
type peerKey struct{}

// A peer is whoever connected.
type peer struct{ owner bool }

func withPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerOf(c))
}
