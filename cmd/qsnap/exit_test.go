package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/pack"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/target"
)

// ending runs a command that ends with an error, after a target was opened or not.
func ending(t *testing.T, opened bool, err error, flags ...string) (code int, stderr string) {
	t.Helper()
	var said strings.Builder
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &said, getenv: os.Getenv, opened: opened}
	app := p.app()
	app.Commands = []*cli.Command{{Name: "fail", Action: func(*cli.Context) error { return err }}}
	code = p.end(t.Context(), app.RunContext(t.Context(), append(append([]string{"qsnap"}, flags...), "fail")))
	return code, said.String()
}

func TestEachOutcomeHasItsExitCode(t *testing.T) {
	plain := errors.New("plain")
	for name, c := range map[string]struct {
		err    error
		opened bool
		want   int
	}{
		"nothing":                              {nil, true, 0},
		"a failure":                            {plain, true, 1},
		"before a target was opened":           {plain, false, 2},
		"usage, found late":                    {fmt.Errorf("x: %w", usage(plain)), true, 2},
		"a failure before a target was opened": {judged{fs.ErrNotExist, errFailed}, false, 1},
		"paths":                                {errPartial, true, 3},
		"a restore":                            {fmt.Errorf("%w: %w", repo.ErrIncomplete, plain), true, 3},
		"a replica":                            {errBehind, true, 4},
		"connection refused":                   {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, true, 5},
		"no such host":                         {fmt.Errorf("get: %w", &net.DNSError{IsNotFound: true}), true, 5},
		"a stall":                              {&target.StallError{}, true, 5},
		"a pipe nobody reads":                  {&fs.PathError{Op: "write", Path: "stdout", Err: syscall.EPIPE}, true, 1},
		"a run under way":                      {errRunning, true, 6},
		"an object":                            {fmt.Errorf("x: %w", &repo.DamageError{Object: "config", Err: io.ErrUnexpectedEOF}), true, 7},
		"a pack":                               {hint{&pack.DamageError{Err: plain}, "look"}, true, 7},
		"lost":                                 {&repo.LostError{}, true, 7},
		"a restore that lacks packs":           {fmt.Errorf("%w: %w", repo.ErrIncomplete, &repo.LostError{}), true, 7},
		"a restore that failed verification":   {fmt.Errorf("%w: %w", repo.ErrIncomplete, repo.ErrVerification), true, 7},
		"overdue":                              {errOverdue, true, 8},
		"no yes":                               {errNeedsYes, true, 9},
		"no repository":                        {hint{repo.ErrNoRepository, "make one"}, true, 10},
		"a source":                             {errNotWhole, true, 11},
		"a secret":                             {repo.ErrWrongSecret, true, 12},
		"an old secret":                        {repo.ErrNewerKey, true, 12},
		"interrupted":                          {errInterrupted, true, 130},

		"damage and the rest":         {errors.Join(errBehind, errPartial, errNotWhole, errDamage), true, 7},
		"a source and the rest":       {errors.Join(errBehind, errPartial, errNotWhole), true, 11},
		"paths and a replica":         {errors.Join(errPartial, errBehind), true, 3},
		"a replica and a failure":     {errors.Join(errBehind, plain), true, 1},
		"a replica out of reach":      {judged{reported{&net.DNSError{}}, errBehind}, true, 4},
		"many, far down":              {hint{errors.Join(errBehind, errors.Join(errPartial, errDamage)), "x"}, true, 7},
		"said already, and of damage": {reported{&repo.LostError{}}, true, 7},
	} {
		if code, _ := ending(t, c.opened, c.err); code != c.want {
			t.Errorf("%s: exit code %d, want %d", name, code, c.want)
		}
	}
}

func TestWhatARetryGaveUpIsOutOfReach(t *testing.T) {
	o := target.RetryOptions{MaxElapsed: 1, Sleep: func(context.Context, time.Duration) error { return nil }}
	err := o.Do(t.Context(), "get", "x", func(context.Context) error { return io.ErrUnexpectedEOF })
	if code, said := ending(t, true, err); code != exitUnreachable || !strings.Contains(said, "unexpected EOF (given up after ") {
		t.Error(code, said)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(err, target.ErrGivenUp) {
		t.Error(err)
	}
}

func TestJSONGivesEachOutcomesCodeAndKind(t *testing.T) {
	for _, o := range exit.Outcomes {
		err := map[int]error{exitDamage: errDamage, exitUnreachable: &net.DNSError{}, exitNoRepo: repo.ErrNoRepository, exitWrongSecret: repo.ErrWrongSecret,
			exitInterrupted: errInterrupted, exitUsage: errUsage, exitNeedsYes: errNeedsYes, exitRunning: errRunning, exitOverdue: errOverdue,
			exitFailed: errFailed, exitNotWhole: errNotWhole, exitPartial: errPartial, exitBehind: errBehind}[o.Code]
		code, said := ending(t, true, err, "--json")
		want := fmt.Sprintf(`{"message_type":"exit_error","code":%d,"kind":%q,"message":`, o.Code, o.Kind)
		if code != o.Code || !strings.HasPrefix(said, want) || strings.Count(said, "\n") != 1 {
			t.Errorf("%d: %s", code, said)
		}
		for where, text := range map[string]string{"help": exitHelp(), "help json": jsonHelp()} {
			if !strings.Contains(text, string(o.Kind)) && where == "help json" || !strings.Contains(text, fmt.Sprint(o.Code)) {
				t.Errorf("%s doesn't tell %d, %s", where, o.Code, o.Kind)
			}
		}
	}
	codes := map[int]bool{}
	for _, o := range append(slices.Clone(exit.Outcomes), exit.Done) {
		if codes[o.Code] {
			t.Errorf("%d is there twice", o.Code)
		}
		codes[o.Code] = true
	}
}

func TestWhatCannotBeDoneFromTheStartIsUsage(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none")
	for _, c := range []struct {
		want int
		args string
	}{
		{2, "frobnicate"}, {2, "snapshot --frob"}, {2, "snapshot"}, {2, "restore latest"}, {2, "key frob"}, {2, "forget"},
		{2, "forget --keep-last many"}, {2, "snapshots --cache-size big"}, {2, "-r ftp:x snapshots"}, {2, "-r sftp:x snapshots"}, {2, "mount"},
		{1, "snapshot " + none}, {10, "-r " + none + " snapshots"},
		{5, "-r webdav://127.0.0.1:1/x --retry-for 0s snapshots"}, {5, "-r sftp://127.0.0.1:1/x --retry-for 0s snapshots"},
		{5, "-r webdav://host.invalid/x --retry-for 0s snapshots"}, {5, "-r sftp://host.invalid/x --retry-for 0s snapshots"},
		{5, "-r s3://bucket/x?endpoint=127.0.0.1:1&insecure=true --retry-for 0s snapshots"},
	} {
		env := map[string]string{"QSNAP_PASSWORD": "x", "HOME": dir, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
		t.Setenv("AWS_ACCESS_KEY_ID", "a")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
		code, _, said := runIn(t.Context(), env, strings.Fields(c.args)...)
		if code != c.want || strings.Count(said, "\n") != 1 {
			t.Errorf("%s: exit code %d, want %d: %s", c.args, code, c.want, said)
		}
	}
}

func TestATargetOnADeadMountIsOutOfReach(t *testing.T) {
	for errno, want := range map[syscall.Errno]int{syscall.ENOTCONN: exitUnreachable, syscall.ESTALE: exitUnreachable, syscall.EIO: exitUnreachable, syscall.EACCES: exitFailed} {
		s := connect.Scheme{Open: func(context.Context, connect.Endpoint) (target.Target, error) {
			return nil, &fs.PathError{Op: "stat", Path: "/mnt/repo", Err: errno}
		}}
		if code, _, said := runOn(t.Context(), s, nil, "-r", "test:x", "snapshots"); code != want {
			t.Errorf("%v: exit code %d, %s", errno, code, said)
		}
	}
}
