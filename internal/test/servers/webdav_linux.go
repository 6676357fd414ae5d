package servers

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	dav "golang.org/x/net/webdav"
)

// goWebDAV is the handler of the Go project, on a directory, with basic
// authentication.
func goWebDAV(s *Server) {
	h := &dav.Handler{FileSystem: dav.Dir(s.Root), LockSystem: dav.NewMemLS()}
	s.serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(user+"\n"+password), []byte(s.User+"\n"+s.Password)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	s.url = "webdav://ADDR/STORE"
}

// serveHTTP serves a handler in this process.
func (s *Server) serveHTTP(h http.Handler) {
	server := httptest.NewUnstartedServer(h)
	server.Listener.Close()
	server.Listener = s.listen()
	server.Start()
	s.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
}

// apache is mod_dav with several workers and digest authentication.
func apache(s *Server) {
	const modules = "/usr/lib/apache2/modules/"
	s.port()
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
`, s.dir, s.Addr)
	sum := md5.Sum([]byte(s.User + ":the realm:" + s.Password)) // HA1 of RFC 2617, 3.2.2.2
	s.write("users", s.User+":the realm:"+hex.EncodeToString(sum[:])+"\n")
	s.url = "webdav://ADDR/STORE"
	s.run("-f", s.write("conf", b.String()), "-DFOREGROUND")
}

// nginx is its own WebDAV module with that for PROPFIND, and several workers. It
// asks for no password.
func nginx(s *Server) {
	const module = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
	if _, err := os.Stat(module); err != nil {
		s.t.Fatalf("nginx is installed, but not its module for PROPFIND: %v", err)
	}
	s.port()
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
`, s.dir, s.Addr, module)
	s.url, s.User, s.Password = "webdav://ADDR/STORE", "", ""
	s.run("-c", s.write("conf", text), "-p", s.dir, "-e", filepath.Join(s.dir, "log"))
}

// rclone is "rclone serve webdav" of a directory, with basic authentication.
func rclone(s *Server) {
	s.port()
	s.env = []string{"RCLONE_USER=" + s.User, "RCLONE_PASS=" + s.Password}
	s.url = "webdav://ADDR/STORE"
	s.run("serve", "webdav", "--config", filepath.Join(s.dir, "none"), "--cache-dir", filepath.Join(s.dir, "tmp"), "--addr", s.Addr, s.Root)
}

// rcloneRemote is a directory that the program has rclone serve.
func rcloneRemote(s *Server) { s.url = "rclone:" + s.Root + "/STORE" }
