package profile

import "go.yaml.in/yaml/v3"

// A Target is a location that has a name, so that several profiles can use it.
type Target struct {
	// Name is the target's key.
	Name string `yaml:"-"`

	URL  string `yaml:"url" doc:"the directory or URL below which repositories are" eg:"webdavs://dav.example.org/qsnap"`
	Type string `yaml:"type,omitempty" doc:"the service, which sets the known limits" enum:"nutstore,nutstore-paid,nextcloud,s3,sftp,webdav,directory"`
	User string `yaml:"user,omitempty" doc:"the user who logs in, or the access key of S3"`

	PasswordFile    Path   `yaml:"password-file,omitempty" alt:"login" doc:"a file whose first line is the user's password, or the secret key of S3"`
	PasswordCommand string `yaml:"password-command,omitempty" alt:"login" doc:"a command line for a shell, which prints that password"`
	Credential      string `yaml:"credential,omitempty" alt:"login" doc:"the name of a systemd credential with that password"`
	TokenFile       Path   `yaml:"token-file,omitempty" alt:"login" doc:"a file with the token to log in with"`

	CAFile      Path   `yaml:"ca-file,omitempty" doc:"a file with the authorities that are trusted to know the server"`
	Fingerprint string `yaml:"fingerprint,omitempty" doc:"the SHA-256 of the only certificate that is trusted"`
	KnownHosts  []Path `yaml:"known-hosts,omitempty" doc:"files with the keys of SSH servers"`
	SSHKeys     []Path `yaml:"ssh-keys,omitempty" doc:"files with private keys to log in with over SSH"`
	ObjectLock  string `yaml:"object-lock,omitempty" doc:"how long each version is locked against deletion by anyone, on S3" eg:"30d"`

	LimitUpload   Rate      `yaml:"limit-upload,omitempty" doc:"how many bytes a second are sent at most" eg:"5M"`
	LimitDownload Rate      `yaml:"limit-download,omitempty" doc:"how many bytes a second are fetched at most"`
	RetryFor      *Duration `yaml:"retry-for,omitempty" doc:"how long requests that failed are retried; 0 never retries" eg:"15m"`
	Requests      int       `yaml:"requests,omitempty" doc:"how many requests the server takes in the time that per says" min:"1" eg:"600"`
	Per           Duration  `yaml:"per,omitempty" doc:"the time of requests" eg:"30m"`
	PackSize      Size      `yaml:"pack-size,omitempty" doc:"how large the packs of new repositories are" eg:"32M"`

	node  *yaml.Node
	wrong []Problem
}

// A Location is where a repository or replica is: a directory or URL, or a path below a
// target. A text stands for the former.
type Location struct {
	URL    string `yaml:"url,omitempty" alt:"where" doc:"a directory or URL" eg:"/backup/app"`
	Target string `yaml:"target,omitempty" alt:"where" doc:"the name of a target" eg:"cloud"`
	Path   string `yaml:"path,omitempty" doc:"the path below the target" eg:"backups/app"`

	at Target // that Target names
}

// IsZero reports whether no location is given.
func (l Location) IsZero() bool { return l.URL == "" && l.Target == "" && l.Path == "" }
