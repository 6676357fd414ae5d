package webdav

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A realServer is a WebDAV server of somebody else's, run from a directory of its own.
type realServer struct {
	name    string
	binary  string
	options Options // how to reach it
	// args writes a configuration for an address to dir, which has an empty directory
	// "root" to serve, and returns how the server is run in the foreground.
	args func(t *testing.T, dir, addr string) []string

	dir, addr string
	cmd       *exec.Cmd
}

func realServers() []*realServer {
	return []*realServer{
		{name: "apache", binary: "/usr/sbin/apache2", args: apache, options: Options{User: "ann", Password: "s3cret, \"quoted\""}},
		{name: "nginx", binary: "/usr/sbin/nginx", args: nginx},
		{name: "rclone", binary: "/usr/bin/rclone", args: rclone, options: Options{User: "ann", Password: "s3cret word"}},
	}
}

// eachServer runs a test on each real server, newly started.
func eachServer(t *testing.T, test func(t *testing.T, s *realServer)) {
	for _, s := range realServers() {
		t.Run(s.name, func(t *testing.T) {
			if _, err := os.Stat(s.binary); err != nil {
				if os.Getenv("QSNAP_TEST_SERVERS") == "required" {
					t.Fatal(err)
				}
				t.Skipf("%s is not installed; QSNAP_TEST_SERVERS=required makes this an error", s.binary)
			}
			s.prepare(t)
			s.start(t)
			test(t, s)
		})
	}
}

// prepare makes the directory, on a quick file system that the servers' users reach.
func (s *realServer) prepare(t *testing.T) {
	base := ""
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, "qsnap-"+s.name+"-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{".", "root", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), 0o777); err != nil { // for www-data
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.dir, s.addr = dir, l.Addr().String()
	l.Close()
	t.Cleanup(func() { s.stop(syscall.SIGTERM) })
}

// start runs the server and waits until it answers.
func (s *realServer) start(t *testing.T) {
	t.Helper()
	args := s.args(t, s.dir, s.addr)
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, args...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = log, log, s.dir
	// In a group of its own, so that it can be ended with its workers.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for tick := time.Tick(20 * time.Millisecond); ; {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-tick:
		case <-ctx.Done():
			b, _ := os.ReadFile(log.Name())
			t.Fatalf("%s doesn't start: %s", s.name, b)
		}
	}
}

// stop ends the server's processes with a signal and waits for the first of them.
func (s *realServer) stop(signal syscall.Signal) {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, signal) // those of its group
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *realServer) open(t testing.TB) *Target {
	t.Helper()
	o := s.options
	o.URL, o.Create, o.Timeout = "http://"+s.addr+"/a/b", true, 20*time.Second
	tgt := open(t, o)
	tgt.patience = time.Second
	return tgt
}

// write writes a file of a configuration.
func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// apache is mod_dav with several workers and digest authentication.
func apache(t *testing.T, dir, addr string) []string {
	const modules = "/usr/lib/apache2/modules/"
	var b strings.Builder
	for _, m := range []string{"mpm_event", "authn_core", "authz_core", "authn_file", "authz_user", "auth_digest", "dav", "dav_fs", "dir", "mime"} {
		fmt.Fprintf(&b, "LoadModule %s_module %smod_%s.so\n", m, modules, m)
	}
	fmt.Fprintf(&b, `ServerRoot %[1]s
DefaultRuntimeDir %[1]s
PidFile %[1]s/pid
ServerName 127.0.0.1
Listen %[2]s
ErrorLog %[1]s/log
User www-data
Group www-data
TypesConfig /etc/mime.types
StartServers 2
ServerLimit 4
ThreadsPerChild 16
MaxRequestWorkers 64
DavLockDB %[1]s/tmp/locks
DocumentRoot %[1]s/root
<Directory %[1]s/root>
	Dav On
	AuthType Digest
	AuthName "the realm"
	AuthDigestDomain /
	AuthDigestNonceLifetime 2
	AuthUserFile %[1]s/users
	Require valid-user
</Directory>
`, dir, addr)
	write(t, filepath.Join(dir, "conf"), b.String())
	// HA1 of RFC 2617, 3.2.2.2: ann, the realm and the password above.
	write(t, filepath.Join(dir, "users"), "ann:the realm:"+newDigest(nil).hash("ann:the realm:s3cret, \"quoted\"")+"\n")
	return []string{"-f", filepath.Join(dir, "conf"), "-DFOREGROUND"}
}

// nginx is its own WebDAV module with that for PROPFIND, and several workers.
func nginx(t *testing.T, dir, addr string) []string {
	const module = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
	if _, err := os.Stat(module); err != nil {
		t.Fatalf("nginx is installed, but not its module for PROPFIND: %v", err)
	}
	text := fmt.Sprintf(`load_module %[3]s;
daemon off;
worker_processes 4;
pid %[1]s/pid;
error_log %[1]s/log;
user www-data;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/tmp/body;
	proxy_temp_path %[1]s/tmp/proxy;
	fastcgi_temp_path %[1]s/tmp/fastcgi;
	uwsgi_temp_path %[1]s/tmp/uwsgi;
	scgi_temp_path %[1]s/tmp/scgi;
	client_max_body_size 100m;
	server {
		listen %[2]s;
		root %[1]s/root;
		location / {
			dav_methods PUT DELETE MKCOL COPY MOVE;
			dav_ext_methods PROPFIND OPTIONS;
			dav_access user:rw;
		}
	}
}
`, dir, addr, module)
	write(t, filepath.Join(dir, "conf"), text)
	return []string{"-c", filepath.Join(dir, "conf"), "-p", dir, "-e", filepath.Join(dir, "log")}
}

// rclone serves the directory with basic authentication.
func rclone(t *testing.T, dir, addr string) []string {
	return []string{"serve", "webdav", "--config", filepath.Join(dir, "none"), "--cache-dir", filepath.Join(dir, "tmp"),
		"--addr", addr, "--user", "ann", "--pass", "s3cret word", filepath.Join(dir, "root")}
}

// A slowBody hands out what it is let to.
type slowBody struct {
	*bytes.Reader
	reached chan<- struct{} // is told when the last third is asked for
	goOn    <-chan struct{}
	told    bool
}

func (b *slowBody) ReadAt(p []byte, off int64) (int, error) {
	if off > b.Size()*2/3 && !b.told {
		b.told = true
		close(b.reached)
		<-b.goOn
	}
	return b.Reader.ReadAt(p, off)
}
