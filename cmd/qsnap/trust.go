package main

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

// trust returns how a server is known: by an authority whose certificate is in a
// file, or by the SHA-256 of its own certificate, in hexadecimal digits that may be
// parted by colons. Each may be empty.
func trust(caFile, fingerprint string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, err
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: there is no certificate in it", caFile)
		}
	}
	if fingerprint == "" {
		return c, nil
	}
	want, err := hex.DecodeString(strings.ReplaceAll(fingerprint, ":", ""))
	if err != nil || len(want) != sha256.Size {
		return nil, errors.New("--fingerprint: want the SHA-256 of a certificate, as 64 hexadecimal digits")
	}
	c.InsecureSkipVerify = true // as what follows is stricter
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the server shows no certificate")
		}
		if got := sha256.Sum256(s.PeerCertificates[0].Raw); !bytes.Equal(got[:], want) {
			return fmt.Errorf("the server's certificate has the fingerprint %x, which is not the one expected", got)
		}
		return nil
	}
	return c, nil
}
