// Package connect opens repositories, and the targets that hold them, by location:
//
//	r, err := connect.Open(ctx,
//		connect.Config{Location: "sftp://backup@nas/srv/app", UploadRate: 2 << 20},
//		connect.Secret{PasswordFile: "/etc/app/password"}, repo.Options{})
//
// A Config is all that it takes: where the target is, who asks, which server is trusted,
// how fast it may go and how long it tries again. Only the location is required. A Secret
// says what unlocks the repository. Open, Init and Target do the rest. The
// command qsnap uses nothing else.
//
// # Locations
//
//	/srv/backup, local:DIRECTORY        a directory
//	sftp://USER@HOST:PORT/DIRECTORY     a server that speaks SFTP: package target/sftp
//	s3://BUCKET/PREFIX?endpoint=HOST    a bucket: package target/s3 has all parameters
//	webdavs://USER@HOST/DIRECTORY       WebDAV over HTTPS; webdav:// is without TLS
//	rclone:REMOTE:PATH                  what rclone keeps there
//
// A WebDAV URL may say how many requests the server takes, as in ?requests=600&per=30m.
// Config.Schemes adds schemes of the program's own.
//
// # What is read besides
//
// What a Config leaves open is taken from the environment, by Config.Getenv:
// QSNAP_TARGET_USER, QSNAP_TARGET_PASSWORD, QSNAP_TARGET_PASSWORD_FILE,
// QSNAP_TARGET_PASSWORD_COMMAND, QSNAP_TARGET_TOKEN, QSNAP_TARGET_CA_FILE,
// QSNAP_TARGET_FINGERPRINT, and NETRC or ~/.netrc; what a Secret leaves open, from
// QSNAP_PASSWORD, QSNAP_PASSWORD_FILE, QSNAP_PASSWORD_COMMAND and QSNAP_KEY_FILE. S3 and
// SFTP have the variables and files of their usual tools besides.
//
// Nothing else is kept on disk than how many requests a WebDAV server has had, in the user's
// cache directory: all processes of the user share its budget. Nothing is printed, and no terminal is read: a password prompt is a function that the
// program supplies.
//
// # Errors
//
// An error names the location without its secrets; what happened there is an *Error, so
// that a program can name the place in its own way. It is ErrConfig if the
// configuration can't work, and ErrUnreachable if a mounted file system doesn't answer;
// repo.ErrNoRepository and repo.ErrWrongSecret are as package repo has them.
// target.Temporary says whether trying later may help.
package connect
