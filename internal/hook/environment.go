package hook

import (
	"slices"
	"strings"
)

// shared are the variables of qsnap that a hook keeps, because a qsnap in the hook may need
// them. All others may be secret, or lead to a secret.
var shared = []string{"QSNAP_CONFIG", "QSNAP_HOST", "QSNAP_CACHE_DIR", "QSNAP_STATE_DIR"}

// withheld are variables of others that hold what qsnap logs in with, or belong to the
// service that started it.
var withheld = []string{
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "RCLONE_CONFIG_PASS", "CREDENTIALS_DIRECTORY",
	"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
}

// A Variable is one of the environment.
type Variable struct{ Name, Value string }

// Environment returns an environment without secrets of qsnap's, and with variables about the
// run. A value has no line breaks and no NUL, so that every program can read it.
func Environment(inherited []string, about ...Variable) []string {
	out := make([]string, 0, len(inherited)+len(about))
	for _, entry := range inherited {
		name, _, _ := strings.Cut(entry, "=")
		own := strings.HasPrefix(strings.ToUpper(name), "QSNAP_")
		if own && !slices.Contains(shared, name) || slices.Contains(withheld, name) {
			continue
		}
		out = append(out, entry)
	}
	for _, v := range about {
		out = append(out, v.Name+"="+inOneLine(v.Value))
	}
	return out
}

func inOneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 0:
			return -1
		case '\n', '\r':
			return ' '
		}
		return r
	}, s)
}
