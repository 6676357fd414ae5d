package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A mailServer takes mails by SMTP.
type mailServer struct {
	net.Listener
	mails chan string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &mailServer{l, make(chan string, 10)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

// serve speaks as much of SMTP as it takes to receive a mail.
func (s *mailServer) serve(c net.Conn) {
	defer c.Close()
	fmt.Fprint(c, "220 here\r\n")
	var mail strings.Builder
	data := false
	for in := bufio.NewScanner(c); in.Scan(); {
		line := strings.TrimSuffix(in.Text(), "\r")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case data && line == ".":
			data = false
			s.mails <- mail.String()
			fmt.Fprint(c, "250 taken\r\n")
		case data:
			mail.WriteString(line + "\n")
		case verb == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case verb == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			mail.WriteString(line + "\n")
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// The mail goes through the sendmail of the package msmtp-mta to a server.
func TestTheExampleOfAMailWorks(t *testing.T) {
	link, err := os.Readlink("/usr/sbin/sendmail")
	if _, lookup := exec.LookPath("msmtp"); lookup != nil || err != nil || filepath.Base(link) != "msmtp" {
		if os.Getenv("QSNAP_TEST_SCHEDULERS") == "required" {
			t.Fatalf("sendmail is %q, not that of msmtp-mta: %v", link, err)
		}
		t.Skip("the package msmtp-mta is not installed")
	}
	h, s := newExampleHost(t), newMailServer(t)
	h.configure("mail.yaml")
	_, port, err := net.SplitHostPort(s.Addr().String())
	h.check(err)
	h.check(os.WriteFile(filepath.Join(h.dir, "home/.msmtprc"), []byte("account default\nhost 127.0.0.1\nport "+port+"\nfrom qsnap@localhost\ntls off\nauth off\n"), 0o600))
	out := h.sh(`qsnap run app && exit 1 || [ $? = 10 ]`) // there is no repository
	select {
	case mail := <-s.mails:
		for _, want := range []string{
			`(?m)^RCPT TO:<root@localhost>`, `(?m)^Subject: qsnap: app on .* failed with exit code 10$`, `(?m)^.*there is no repository here: is a disk not mounted\?`, `"kind":"no-repository"`,
		} {
			if !regexp.MustCompile(want).MatchString(mail) {
				t.Errorf("no %s in the mail:\n%s", want, mail)
			}
		}
	default:
		t.Errorf("no mail came: %s", out)
	}
	h.sh(`qsnap init -p app && qsnap run app`)
	select {
	case mail := <-s.mails:
		t.Errorf("a mail for a good run:\n%s", mail)
	default:
	}
}
