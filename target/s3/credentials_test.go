package s3

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// machine sets what the chain looks at, and nothing else of this machine's.
func machine(t *testing.T, env map[string]string, files map[string]string) {
	t.Helper()
	home := t.TempDir()
	for _, name := range os.Environ() {
		if name, _, _ := strings.Cut(name, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, value := range env {
		t.Setenv(name, value)
	}
	for name, text := range files {
		path := filepath.Join(home, ".aws", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCredentialsComeFromWhereAmazonsToolsLook(t *testing.T) {
	const file = "[default]\naws_access_key_id = file-id\naws_secret_access_key = file-secret\n" +
		"[other]\naws_access_key_id = other-id\naws_secret_access_key = other-secret\naws_session_token = other-token\n"
	for name, c := range map[string]struct {
		env, files map[string]string
		want       credentials.Value
	}{
		"environment": {
			env:   map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token", "AWS_PROFILE": "other"},
			files: map[string]string{"credentials": file},
			want:  credentials.Value{AccessKeyID: "id", SecretAccessKey: "secret", SessionToken: "token"},
		},
		"file": {
			files: map[string]string{"credentials": file},
			want:  credentials.Value{AccessKeyID: "file-id", SecretAccessKey: "file-secret"},
		},
		"profile": {
			env:   map[string]string{"AWS_PROFILE": "other"},
			files: map[string]string{"credentials": file},
			want:  credentials.Value{AccessKeyID: "other-id", SecretAccessKey: "other-secret", SessionToken: "other-token"},
		},
		"config": {
			env:   map[string]string{"AWS_PROFILE": "third"},
			files: map[string]string{"config": "[profile third]\naws_access_key_id = third-id\naws_secret_access_key = third-secret\n"},
			want:  credentials.Value{AccessKeyID: "third-id", SecretAccessKey: "third-secret"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			machine(t, c.env, c.files)
			got, err := new(Options).credentials().GetWithContext(nil)
			got.SignerType = c.want.SignerType
			if err != nil || got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestMissingCredentialsAreExplainedWithoutThem(t *testing.T) {
	const secret = "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"
	for name, c := range map[string]struct {
		env, files map[string]string
		want       string
	}{
		"none":       {want: "no credentials found: set AWS_ACCESS_KEY_ID"},
		"no home":    {env: map[string]string{"HOME": "", "USERPROFILE": ""}, want: "no credentials found"},
		"half":       {env: map[string]string{"AWS_SECRET_ACCESS_KEY": secret}, want: "from the environment: one of access key id and secret access key is missing"},
		"no profile": {env: map[string]string{"AWS_PROFILE": "nobody"}, want: `from the AWS files: there is no profile "nobody"`},
		"no such profile": {env: map[string]string{"AWS_PROFILE": "nobody"}, files: map[string]string{"credentials": "[default]\naws_access_key_id=a\naws_secret_access_key=" + secret},
			want: `there is no profile "nobody"`},
		"broken": {files: map[string]string{"credentials": "[default]\naws_access_key_id = a\naws_secret_access_key " + secret + "\n"}, want: "from the AWS files: the files can't be read"},
		"half a file": {files: map[string]string{"credentials": "[default]\naws_secret_access_key = " + secret + "\n"},
			want: "partial static credentials"},
		"failing command": {files: map[string]string{"config": "[default]\ncredential_process = sh -c false\n"}, want: "the credential_process fails: exit status 1"},
		"no role":         {env: map[string]string{"AWS_EC2_METADATA_DISABLED": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"}, want: "from this machine's role: AWS_CONTAINER_CREDENTIALS_FULL_URI is set"},
	} {
		t.Run(name, func(t *testing.T) {
			machine(t, c.env, c.files)
			_, err := Open(t.Context(), Options{Bucket: "backup", Endpoint: "127.0.0.1:1", Insecure: true})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
