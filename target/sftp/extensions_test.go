package sftp

import (
	"testing"

	"github.com/pkg/sftp"
)

// withExtensions makes servers in this process have just these extensions, until
// the test ends.
func withExtensions(t *testing.T, names ...string) {
	t.Helper()
	if err := sftp.SetSFTPExtensions(names...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sftp.SetSFTPExtensions("hardlink@openssh.com", "posix-rename@openssh.com", "statvfs@openssh.com"); err != nil {
			t.Error(err)
		}
	})
}

const sftpPermission = sftp.ErrSSHFxPermissionDenied

var sftpFailure = sftp.ErrSSHFxFailure // other codes are made from it
