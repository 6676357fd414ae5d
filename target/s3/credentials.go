package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// credentials returns the credentials that sign requests.
func (o *Options) credentials() *credentials.Credentials {
	if c := o.Credentials; c.AccessKeyID != "" {
		return credentials.NewStaticV4(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	}
	return credentials.New(newChain())
}

// A source is a source of credentials, its name in messages, and a function that explains
// its errors: it returns "" if there simply are no credentials.
type source struct {
	name     string
	provider credentials.Provider
	explain  func(error) string
}

// A chain returns the credentials of the first source that has any. Unlike minio-go's it
// says why there are none, and never continues without credentials.
type chain struct {
	sources []source

	mu      sync.Mutex
	current credentials.Provider
}

func newChain() *chain {
	sources := []source{
		{"the environment", &credentials.EnvAWS{}, nil},
		{"the AWS files", &credentials.FileAWSCredentials{}, fileTrouble},
	}
	if !strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		sources = append(sources, source{"this machine's role", &credentials.IAM{Client: roleClient}, roleTrouble})
	}
	return &chain{sources: sources}
}

// roleClient contacts the address that clouds use for roles. Elsewhere nobody answers
// there.
var roleClient = &http.Client{
	Timeout:   5 * time.Second,
	Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext},
}

// A credentialsError says why there are no credentials, and contains no part of any.
type credentialsError struct{ text string }

func (e *credentialsError) Error() string { return e.text }

var errNoCredentials = &credentialsError{"no credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile of ~/.aws/credentials"}

// RetrieveWithCredContext implements credentials.Provider.
func (c *chain) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	for _, s := range c.sources {
		v, err := s.provider.RetrieveWithCredContext(cc)
		if cc.Context != nil && cc.Context.Err() != nil {
			return credentials.Value{}, cc.Context.Err()
		}
		why := ""
		switch {
		case err != nil:
			why = s.explain(err)
		case v.AccessKeyID != "" && v.SecretAccessKey != "":
			c.mu.Lock()
			c.current = s.provider
			c.mu.Unlock()
			return v, nil
		case v.AccessKeyID != "" || v.SecretAccessKey != "":
			why = "one of access key id and secret access key is missing"
		}
		if why != "" {
			return credentials.Value{}, &credentialsError{fmt.Sprintf("credentials from %s: %s", s.name, why)}
		}
	}
	return credentials.Value{}, errNoCredentials
}

// Retrieve implements credentials.Provider.
func (c *chain) Retrieve() (credentials.Value, error) {
	return c.RetrieveWithCredContext(&credentials.CredContext{Client: roleClient, Context: context.Background()})
}

// IsExpired implements credentials.Provider.
func (c *chain) IsExpired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current == nil || c.current.IsExpired()
}

// ownWords begin the errors of minio-go about AWS's files that quote only names and
// settings. A parser's error quotes a line, which may be a secret.
var ownWords = []string{
	"profile has partial static", "profile has SSO", "profile defines sso_", "sso_region ", "sso_start_url ",
	"reading cached SSO", "cached SSO token", "unable to determine AWS SSO", "invalid credential process",
}

func fileTrouble(err error) string {
	profile := os.Getenv("AWS_PROFILE")
	text := err.Error()
	known := slices.ContainsFunc(ownWords, func(w string) bool { return strings.HasPrefix(text, w) })
	absent := !known && (errors.Is(err, fs.ErrNotExist) || strings.HasSuffix(text, "does not exist") || strings.HasSuffix(text, "is not defined"))
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case absent && profile == "":
		return ""
	case absent:
		return fmt.Sprintf("there is no profile %q", profile)
	case known:
		return text
	case exited:
		return "the credential_process fails: " + exit.ProcessState.String()
	}
	return "the files can't be read"
}

func roleTrouble(error) string {
	for _, name := range []string{"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		if os.Getenv(name) != "" {
			return name + " is set, but the service it means gives none"
		}
	}
	return "" // an ordinary machine without a role
}
