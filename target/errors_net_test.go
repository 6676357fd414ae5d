package target_test

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/qsnap/qsnap/internal/test/chaos"
	"github.com/qsnap/qsnap/target"
)

// exchange puts something on a server and returns what goes wrong.
func exchange(client *http.Client, url string) error {
	req, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(make([]byte, 100_000)))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

// What a network really answers when it fails, as package net/http reports it.
func TestErrorsOfARealNetworkAreTemporary(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	}))
	defer server.Close()
	for _, fault := range []chaos.Fault{chaos.Drop, chaos.CutRequest, chaos.CutResponse, chaos.Truncate} {
		for seed := range uint64(20) {
			p, err := chaos.Start(chaos.Options{Server: server.Listener.Addr().String(), HTTP: true, Rate: 1, Faults: []chaos.Fault{fault}, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			if err := exchange(client, "http://"+p.Addr()); !target.Temporary(err) {
				t.Errorf("%s, seed %d: %v", fault, seed, err)
			}
			p.Close()
		}
	}

	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	if err := exchange(http.DefaultClient, "http://"+gone.Addr().String()); !target.Temporary(err) {
		t.Errorf("nobody listens: %v", err)
	}

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	client := &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: 10 * time.Millisecond, DisableKeepAlives: true}}
	if err := exchange(client, "http://"+silent.Addr().String()); !target.Temporary(err) {
		t.Errorf("nobody answers: %v", err)
	}
}

func TestAServerThatIsNotTrustedStaysSo(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	for _, url := range []string{server.URL, "no-scheme://" + server.Listener.Addr().String()} {
		if err := exchange(http.DefaultClient, url); err == nil || target.Temporary(err) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
