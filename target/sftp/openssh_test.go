package sftp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// program returns a program of OpenSSH. A test that needs one that is missing is
// skipped, or fails where QSNAP_TEST_SERVERS is "required".
func program(t testing.TB, name string, elsewhere ...string) string {
	t.Helper()
	if found, err := exec.LookPath(name); err == nil {
		return found
	}
	for _, dir := range elsewhere {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found
		}
	}
	if os.Getenv("QSNAP_TEST_SERVERS") == "required" {
		t.Fatalf("%s is not installed, and QSNAP_TEST_SERVERS requires it", name)
	}
	t.Skipf("%s is not installed: not tested with OpenSSH", name)
	return ""
}

// An openSSH is an sshd on this machine.
type openSSH struct {
	t       *testing.T
	dir     string // its own files; objects are in dir/objects
	home    string // of the client
	me      string
	key     string // file that logs in
	hostKey ssh.PublicKey
	address string
	log     string // of sftp-server
	cmd     *exec.Cmd
}

// startOpenSSH starts an sshd whose sftp-server gets these arguments. The client in
// a new home directory knows it, and is known.
func startOpenSSH(t *testing.T, args string, lines ...string) *openSSH {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &openSSH{t: t, dir: t.TempDir(), home: newHome(t), me: me.Username}
	sshd := program(t, "sshd", "/usr/sbin", "/usr/local/sbin")
	server := program(t, "sftp-server", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec")
	if os.Geteuid() == 0 { // sshd's own, which the system makes when it starts it
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.hostKey = writeKey(t, filepath.Join(s.dir, "host_key"), "")
	s.key = filepath.Join(s.home, ".ssh", "id_ed25519")
	login := writeKey(t, s.key, "")
	writeFile(t, filepath.Join(s.dir, "authorized_keys"), string(ssh.MarshalAuthorizedKey(login)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	l.Close()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.log = filepath.Join(s.dir, "sftp.log")
	config := filepath.Join(s.dir, "sshd_config")
	writeFile(t, config, strings.Join(append(lines,
		"Port "+port, "ListenAddress 127.0.0.1", "HostKey "+s.dir+"/host_key", "PidFile none",
		"AuthorizedKeysFile "+s.dir+"/authorized_keys", "StrictModes no", "PermitRootLogin yes", "UsePAM no",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 100",
		"SetEnv HOME="+s.home, // the user's own would run what his shell is set up with
		"Subsystem sftp "+server+" -e -l DEBUG3 "+args+" 2>> "+s.log), "\n")+"\n")
	s.start(sshd, config)
	s.know(knownhosts.Line([]string{s.address}, s.hostKey))
	if err := os.Mkdir(filepath.Join(s.dir, "objects"), 0o700); err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs sshd until the test ends, and returns when it listens.
func (s *openSSH) start(sshd, config string) {
	s.t.Helper()
	s.cmd = exec.Command(sshd, "-D", "-e", "-f", config)
	stderr, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	listens, ended := make(chan struct{}), make(chan struct{})
	var said []string
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			said = append(said, lines.Text())
			if strings.HasPrefix(lines.Text(), "Server listening on 127.0.0.1") {
				close(listens)
			}
		}
	}()
	s.t.Cleanup(func() {
		for _, p := range s.processes() { // sessions outlive their listener
			p.Kill()
		}
		s.cmd.Process.Kill()
		<-ended
		s.cmd.Wait() // reports that it was killed
		if s.t.Failed() {
			s.t.Logf("sshd said:\n%s", strings.Join(said, "\n"))
		}
	})
	select {
	case <-listens:
	case <-ended:
		s.t.Fatalf("sshd said:\n%s", strings.Join(said, "\n"))
	}
}

// know makes the client's known_hosts one line.
func (s *openSSH) know(line string) {
	writeFile(s.t, filepath.Join(s.home, ".ssh", "known_hosts"), line+"\n")
}

func (s *openSSH) options() Options {
	return Options{URL: "sftp://" + s.me + "@" + s.address + s.dir + "/objects"}
}

func (s *openSSH) open(change ...func(*Options)) *Target {
	s.t.Helper()
	o := s.options()
	for _, f := range change {
		f(&o)
	}
	tgt, err := Open(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { tgt.Close() })
	return tgt
}

// processes returns what sshd has started, of these names or of all, the last first.
func (s *openSSH) processes(names ...string) []*os.Process {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		s.t.Fatal(err)
	}
	type process struct {
		name   string
		parent int
	}
	all := map[int]process{}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent …
		line := string(text)
		open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
		pid, err1 := strconv.Atoi(strings.TrimSpace(line[:open]))
		parent, err2 := strconv.Atoi(strings.Fields(line[end+1:])[1])
		if err := errors.Join(err1, err2); err != nil {
			s.t.Fatal(err)
		}
		all[pid] = process{line[open+1 : end], parent}
	}
	var found []*os.Process
	for pid, p := range all {
		ours := false
		for up := p.parent; up > 1 && !ours; up = all[up].parent {
			ours = up == s.cmd.Process.Pid
		}
		if !ours || len(names) > 0 && !strings.Contains(" "+strings.Join(names, " ")+" ", " "+p.name+" ") {
			continue
		}
		if process, err := os.FindProcess(pid); err == nil {
			found = append(found, process)
		}
	}
	return found
}

// run runs a program to its end.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// An agent is an ssh-agent. It returns its socket.
func startAgent(t testing.TB) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command(program(t, "ssh-agent"), "-D", "-a", socket)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // reports that it was killed
	})
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it listens
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	return socket
}

// addKey gives an agent a key.
func addKey(t testing.TB, socket, file string) {
	t.Helper()
	cmd := exec.Command(program(t, "ssh-add"), "-q", file)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
}

// port returns what -p takes.
func (s *openSSH) port() string {
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	return port
}

func (s *openSSH) String() string { return fmt.Sprintf("sshd at %s", s.address) }
