package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/control/client"
	"github.com/qsnap/qsnap/repo/report"
)

// Whatever is sent, the answer is JSON, and a stranger changes nothing.
func FuzzRequests(f *testing.F) {
	for _, path := range []string{"/v1/service", "/v1/runs", "/v1/move", "/v1/log?name=a&follow=x", "/v1/reload", "/v1/log-level", "/"} {
		f.Add("POST", path, []byte(`{"profile":"a","priority":1}`), true)
		f.Add("GET", path, []byte(nil), false)
	}
	f.Add("POST", "/v1/runs", []byte(`{"priority":"x"}`), true)
	f.Fuzz(func(t *testing.T, method, path string, body []byte, owner bool) {
		changed := false
		change := func() error { changed = true; return nil }
		name := func(string) error { return change() }
		h := handler(Verbs{
			Status: func() report.Service { return report.Service{} },
			Log: func(_ context.Context, _ string, _ bool, to io.Writer) error {
				_, err := io.WriteString(to, "{}\n")
				return err
			},
			Run:  func(client.Run) (report.RunRequested, error) { return report.RunRequested{}, change() },
			Move: func(client.Change) error { return change() },
			Drop: name, Cancel: name, Pause: name, Resume: name, Reload: change,
			LogLevel: func(client.LogLevel) error { return change() },
		}, time.Now)
		r, err := http.NewRequest(method, "http://qsnapd"+path, bytes.NewReader(body))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, peer{owner: owner})))
		if changed && !owner {
			t.Errorf("%s %s by a stranger changed something", method, path)
		}
		if w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: %s", method, path, w.Body)
		}
	})
}
