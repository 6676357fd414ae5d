package webdav

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/trust"
)

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "some authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// sign returns a certificate, signed by itself if the authority has none yet.
func (a *authority) sign(t *testing.T, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, parentKey := a.cert, a.key
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signed, key
}

// serve serves a store over TLS, with a certificate for an address and times.
func (a *authority) serve(t *testing.T, ip string, from, to time.Time) (url string, cert *x509.Certificate) {
	t.Helper()
	cert, key := a.sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"},
		NotBefore: from, NotAfter: to, IPAddresses: []net.IP{net.ParseIP(ip)}})
	s := httptest.NewUnstartedServer(newStore())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL + "/dav", cert
}

func TestCertificatesAreCheckedAndExplained(t *testing.T) {
	a, now := newAuthority(t), time.Now()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)

	url, cert := a.serve(t, "127.0.0.1", now.Add(-time.Hour), now.Add(time.Hour))
	pin := trust.Fingerprint(cert)
	for name, o := range map[string]Options{
		"file": {CAFile: file}, "pool": {RootCAs: pool}, "both": {CAFile: file, RootCAs: x509.NewCertPool()},
		"pin": {Fingerprint: pin}, "bare-pin": {Fingerprint: strings.ToUpper(strings.ReplaceAll(pin[7:], ":", ""))},
	} {
		o.URL = url
		mustPut(t, open(t, o), name, "hello")
	}
	_, err := Open(t.Context(), Options{URL: url})
	isLine(t, err, `comes from "CN=some authority", an authority that this machine doesn't know`, pin)
	isTemporary(t, err, false, 0)
	_, err = Open(t.Context(), Options{URL: url, Fingerprint: strings.Repeat("00", 32)})
	isLine(t, err, "has the fingerprint "+pin+", not the one that was named")
	isTemporary(t, err, false, 0)

	url, cert = a.serve(t, "127.0.0.1", now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	_, err = Open(t.Context(), Options{URL: url, CAFile: file})
	isLine(t, err, "is good from "+now.Add(-48*time.Hour).UTC().Format("2006-01-02")+" to "+now.Add(-24*time.Hour).UTC().Format("2006-01-02"), "clock")
	mustPut(t, open(t, Options{URL: url, Fingerprint: trust.Fingerprint(cert)}), "a", "hello")

	url, _ = a.serve(t, "127.0.0.2", now.Add(-time.Hour), now.Add(time.Hour))
	_, err = Open(t.Context(), Options{URL: url, CAFile: file})
	isLine(t, err, `is for ["127.0.0.2"], not for "127.0.0.1"`)

	for want, o := range map[string]Options{
		"no such file":                         {CAFile: file + "-not"},
		"holds no certificate":                 {CAFile: os.Args[0]},
		"is not 32 bytes":                      {Fingerprint: "abc"},
		"a transport that sees to them itself": {Fingerprint: pin, Transport: roundTripper(nil)},
	} {
		o.URL = url
		_, err := Open(t.Context(), o)
		isLine(t, err, want)
	}
}
