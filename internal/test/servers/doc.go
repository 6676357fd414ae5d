// Package servers runs what repositories are kept on, for tests: WebDAV, SFTP and S3
// servers of others (Apache, nginx, rclone, OpenSSH, versitygw), which can be killed
// and started again, and servers in this process, which need no set-up.
//
// A test that needs another program is skipped, and says so, unless
// QSNAP_TEST_SERVERS=required; then one that is missing is a failure. The script
// .ci/servers installs them all.
package servers
