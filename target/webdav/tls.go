package webdav

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/qsnap/qsnap/internal/trust"
)

// newTransport returns the transport that sends requests.
func (o *Options) newTransport() (http.RoundTripper, error) {
	config, err := trust.Server{CAFile: o.CAFile, Roots: o.RootCAs, Fingerprint: o.Fingerprint}.Config()
	if err != nil {
		return nil, fmt.Errorf("webdav: %w", err)
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
		IdleConnTimeout:       30 * time.Second, // shorter than servers keep idle connections
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // ranges and lengths are those of the stored bytes
	}, nil
}
