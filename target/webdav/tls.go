package webdav

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// newTransport returns what sends requests.
func (o *Options) newTransport() (http.RoundTripper, error) {
	config, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	if o.Transport != nil {
		if config.RootCAs != nil || config.VerifyConnection != nil {
			return nil, errors.New("webdav: certificates are named for a transport that sees to them itself")
		}
		return o.Transport, nil
	}
	connect := min(o.Timeout, 30*time.Second)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   connect,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       30 * time.Second, // less than servers keep them
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // ranges and lengths are of the bytes as they are stored
	}, nil
}

func (o *Options) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("webdav: certificates of authorities: %w", err)
		}
		if config.RootCAs == nil {
			config.RootCAs = x509.NewCertPool()
		} else {
			config.RootCAs = config.RootCAs.Clone()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("webdav: %s holds no certificate in PEM form", o.CAFile)
		}
	}
	if o.Fingerprint != "" {
		text := strings.TrimPrefix(strings.ToLower(o.Fingerprint), "sha256:")
		want, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
		if err != nil || len(want) != sha256.Size {
			return nil, fmt.Errorf("webdav: fingerprint %q is not 32 bytes in hexadecimal digits", o.Fingerprint)
		}
		config.InsecureSkipVerify = true // the next line verifies
		config.VerifyConnection = func(s tls.ConnectionState) error {
			if got := sha256.Sum256(s.PeerCertificates[0].Raw); !bytes.Equal(got[:], want) {
				return errFingerprint(fingerprint(s.PeerCertificates[0]))
			}
			return nil
		}
	}
	return config, nil
}

// fingerprint returns the SHA-256 of a certificate, as openssl prints it.
func fingerprint(c *x509.Certificate) string {
	var parts []string
	for _, b := range sha256.Sum256(c.Raw) {
		parts = append(parts, fmt.Sprintf("%02x", b))
	}
	return "sha256:" + strings.Join(parts, ":")
}

type errFingerprint string

func (e errFingerprint) Error() string {
	return "the server's certificate has the fingerprint " + string(e) + ", not the one that was named: it was renewed, or somebody is in between"
}

// explainTLS says what is wrong with a certificate and what can be done, or returns
// "" if the error isn't of that kind.
func explainTLS(err error) string {
	if e, ok := errors.AsType[errFingerprint](err); ok {
		return e.Error()
	}
	e, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(e.UnverifiedCertificates) == 0 {
		return ""
	}
	cert := e.UnverifiedCertificates[0]
	pin := "; if " + fingerprint(cert) + " is the fingerprint of the right one, name that"
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		names := append([]string(nil), cert.DNSNames...)
		for _, ip := range cert.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Sprintf("the server's certificate is for %q, not for %q%s", names, host.Host, pin)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		if invalid.Cert != nil {
			cert = invalid.Cert
		}
		const day = "2006-01-02"
		return fmt.Sprintf("the server's certificate is good from %s to %s only: it has to be renewed, or this machine's clock is wrong%s",
			cert.NotBefore.Format(day), cert.NotAfter.Format(day), pin)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the server's certificate comes from %q, an authority that this machine doesn't know: name the authority's certificate%s", cert.Issuer.String(), pin)
	}
	return "the server's certificate is no good: " + e.Err.Error() + pin
}
