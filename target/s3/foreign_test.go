package s3_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/target/targettest"
)

func TestWhatLiesBesideObjectsIsTold(t *testing.T) {
	for _, thing := range targettest.Things {
		f := newFake(t)
		for _, key := range []string{"some/prefix/" + thing.Name, "some/prefix/Empty/", "some/Other"} {
			u := url.URL{Scheme: "http", Host: f.options.Endpoint, Path: "/" + bucket + "/" + key}
			body := "x"
			if strings.HasSuffix(key, "/") {
				body = ""
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, u.String(), strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		if err := targettest.CheckForeign(t.Context(), open(t, f.options), thing); err != nil {
			t.Error(err)
		}
	}
}
