// Package trust decides which servers are trusted over TLS: those that an authority vouches
// for, or the one that shows a certificate that was named.
package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// A Server says how a server is known. The zero value trusts the authorities that the
// system trusts.
type Server struct {
	// CAFile is a file with certificates of authorities in PEM form. They are trusted
	// beside those in Roots. If both are unset, the authorities of the system are.
	CAFile string
	Roots  *x509.CertPool
	// Fingerprint is the SHA-256 of the server's own certificate in hexadecimal digits,
	// with or without colons and a "sha256:" before them. Exactly this certificate is
	// trusted, whoever signed it and whatever it says.
	Fingerprint string
}

// Config returns the settings of a TLS client that trusts this server.
func (s Server) Config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Roots}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("certificates of authorities: %w", err)
		}
		if config.RootCAs == nil {
			config.RootCAs = x509.NewCertPool()
		} else {
			config.RootCAs = config.RootCAs.Clone()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", s.CAFile)
		}
	}
	if s.Fingerprint == "" {
		return config, nil
	}
	text := strings.TrimPrefix(strings.ToLower(s.Fingerprint), "sha256:")
	want, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(want) != sha256.Size {
		return nil, fmt.Errorf("fingerprint %q is not 32 bytes in hexadecimal digits", s.Fingerprint)
	}
	config.InsecureSkipVerify = true // VerifyConnection is stricter
	config.VerifyConnection = func(c tls.ConnectionState) error {
		if len(c.PeerCertificates) == 0 {
			return errors.New("the server shows no certificate")
		}
		if got := sha256.Sum256(c.PeerCertificates[0].Raw); !bytes.Equal(got[:], want) {
			return fingerprintError(Fingerprint(c.PeerCertificates[0]))
		}
		return nil
	}
	return config, nil
}

// Fingerprint returns the SHA-256 of a certificate, as openssl prints it.
func Fingerprint(c *x509.Certificate) string {
	var parts []string
	for _, b := range sha256.Sum256(c.Raw) {
		parts = append(parts, fmt.Sprintf("%02x", b))
	}
	return "sha256:" + strings.Join(parts, ":")
}

type fingerprintError string

func (e fingerprintError) Error() string {
	return "the server's certificate has the fingerprint " + string(e) + ", not the one that was named: it was renewed, or somebody is in between"
}
