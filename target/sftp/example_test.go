package sftp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"golang.org/x/term"

	"github.com/qsnap/qsnap/target/sftp"
)

func ExampleOpen() {
	t, err := sftp.Open(context.Background(), sftp.Options{
		URL:    "sftp://backup@nas.example:2222/srv/app",
		Create: true,
		Passphrase: func(keyFile string) ([]byte, error) {
			fmt.Fprintf(os.Stderr, "passphrase of %s: ", keyFile)
			return term.ReadPassword(int(os.Stdin.Fd()))
		},
	})
	if key, ok := errors.AsType[*sftp.HostKeyError](err); ok {
		log.Fatalf("%s shows a key with fingerprint %s: %v", key.Host, key.Fingerprint, err)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()
}
