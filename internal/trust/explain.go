package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// Explain says what is wrong with a server's certificate and what can be done about it. It
// returns "" if the error is not about a certificate.
func Explain(err error) string {
	if e, ok := errors.AsType[fingerprintError](err); ok {
		return e.Error()
	}
	e, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(e.UnverifiedCertificates) == 0 {
		return ""
	}
	cert := e.UnverifiedCertificates[0]
	pin := "; if " + Fingerprint(cert) + " is the fingerprint of the right one, name that"
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
		return fmt.Sprintf("the server's certificate has expired, or is not yet valid: it is good from %s to %s; it has to be renewed, or this machine's clock is wrong%s",
			cert.NotBefore.Format(day), cert.NotAfter.Format(day), pin)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the server's certificate comes from %q, an authority that this machine doesn't know: name the authority's certificate%s", cert.Issuer.String(), pin)
	}
	return "the server's certificate is no good: " + e.Err.Error() + pin
}
