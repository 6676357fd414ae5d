package trust

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAServerIsTrustedByItsAuthorityOrItsFingerprint(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	sum := sha256.Sum256(server.Certificate().Raw)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	colons := strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":"), ":")
	sum[0]++
	other := fmt.Sprintf("%x", sum)
	for _, c := range []struct {
		ca, fingerprint string
		trusted         bool
	}{
		{"", "", false},
		{ca, "", true},
		{"", colons, true},
		{"", strings.ToLower(strings.ReplaceAll(colons, ":", "")), true},
		{"", other, false},
		{ca, other, false},
	} {
		config, err := Server{CAFile: c.ca, Fingerprint: c.fingerprint}.Config()
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
		resp, err := client.Get(server.URL)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != c.trusted {
			t.Errorf("%+v: %v", c, err)
		}
		client.CloseIdleConnections()
	}
	for _, bad := range [][2]string{{ca + "-not", ""}, {os.Args[0], ""}, {"", "abc"}, {"", strings.Repeat("zz", 32)}} {
		if _, err := (Server{CAFile: bad[0], Fingerprint: bad[1]}).Config(); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
