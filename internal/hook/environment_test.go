package hook

import (
	"slices"
	"testing"
)

func TestAHookSeesNoSecretOfQsnap(t *testing.T) {
	got := Environment([]string{
		"PATH=/bin", "QSNAP_PASSWORD=a", "QSNAP_PASSWORD_FILE=b", "QSNAP_KEY_FILE=c", "QSNAP_TARGET_PASSWORD=d", "qsnap_token=e",
		"QSNAP_CONFIG=/etc/c", "QSNAP_HOST=web1", "AWS_SECRET_ACCESS_KEY=f", "CREDENTIALS_DIRECTORY=/run/c", "NOTIFY_SOCKET=/n", "PGPASSFILE=/p", "QSNAP_PROFILE=old",
	}, Variable{"QSNAP_PROFILE", "a\nb\x00=c"}, Variable{"QSNAP_EXIT", "0"})
	want := []string{"PATH=/bin", "QSNAP_CONFIG=/etc/c", "QSNAP_HOST=web1", "PGPASSFILE=/p", "QSNAP_PROFILE=a b=c", "QSNAP_EXIT=0"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
