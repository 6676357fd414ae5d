package webdav

import (
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
)

// An authorizer authenticates requests in the way that the server requests. It is safe
// for concurrent use.
type authorizer struct {
	user, password, bearer string

	mu     sync.Mutex
	scheme string  // "basic" or "digest", once one is agreed on
	digest *digest // the last challenge
}

// authorize adds credentials to a request, if it is known which ones, and returns what it
// added.
func (a *authorizer) authorize(req *http.Request) (sent string, err error) {
	if a.bearer != "" {
		sent = "Bearer " + a.bearer
	} else {
		a.mu.Lock()
		defer a.mu.Unlock()
		switch a.scheme {
		case "basic":
			sent = "Basic " + base64.StdEncoding.EncodeToString([]byte(a.user+":"+a.password))
		case "digest":
			if sent, err = a.digest.answer(a.user, a.password, req.Method, req.URL.RequestURI()); err != nil {
				return "", err
			}
		}
	}
	if sent != "" {
		req.Header.Set("Authorization", sent)
	}
	return sent, nil
}

// challenged processes the challenges of a 401 answer to a request that was sent with
// some credentials, or none. round counts from 0. If repeating is useless, it returns the
// reason.
func (a *authorizer) challenged(h http.Header, sent string, round int) (why string) {
	if a.bearer != "" {
		return "it refuses the token"
	}
	if a.user == "" && a.password == "" {
		return "it asks who you are: give a user and a password, or a token"
	}
	best, offered := choose(h.Values("WWW-Authenticate"))
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case best == nil:
		return "it asks for credentials of a kind that is not known here (" + strings.Join(offered, ", ") + ")"
	case a.scheme == "digest" && best.scheme != "digest":
		return "it asks for the password in clear, after it took a digest: somebody may be in between"
	case best.scheme == "basic":
		if sent != "" {
			return "wrong user or password"
		}
		a.scheme = "basic"
		return ""
	}
	// A nonce is valid only for some time; another one may be tried once.
	if sent != "" && (round > 0 || strings.Contains(sent, quote(best.params["nonce"]))) && !strings.EqualFold(best.params["stale"], "true") || round > 2 {
		return "wrong user or password"
	}
	a.scheme, a.digest = "digest", newDigest(best.params)
	return ""
}

// choose returns the best challenge that can be answered, or nil, and the names of all
// challenges.
func choose(headers []string) (best *challenge, offered []string) {
	rank := func(c *challenge) int {
		switch {
		case c == nil:
			return 0
		case c.scheme == "basic":
			return 1
		case c.scheme == "digest" && newDigest(c.params).possible():
			if strings.HasPrefix(strings.ToLower(c.params["algorithm"]), "sha-256") {
				return 3
			}
			return 2
		}
		return 0
	}
	for _, header := range headers {
		for _, c := range parseChallenges(header) {
			offered = append(offered, c.scheme)
			if rank(&c) > rank(best) {
				best = &c
			}
		}
	}
	return best, offered
}

// redact removes the credentials from a text.
func (a *authorizer) redact(text string) string {
	basic := base64.StdEncoding.EncodeToString([]byte(a.user + ":" + a.password))
	for _, secret := range []string{a.password, a.bearer, basic} {
		if len(secret) > 2 {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}
