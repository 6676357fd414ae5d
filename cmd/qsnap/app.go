package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
)

// A program is one run of qsnap.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	json  bool
	quiet bool

	schemes map[string]connect.Scheme // of targets, in addition to the built-in ones

	cacheMemory int             // as in repo.Options
	cacheSize   *int64          // as in repo.Options
	conns       []*connect.Conn // to the targets that were opened
	traffic     bool            // requests are counted
	given       []string        // the flags on the command line
	profile     *usedProfile    // that the command uses, or nil
	opened      bool            // a target was opened: from then on, an unknown error is a failure, not wrong usage
}

// run runs a command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	app := p.app()
	describeJSON(app, args)
	p.json = slices.Contains(args, "--json") // in case the arguments can't be parsed
	args, given, err := normalizeArgs(app, args)
	p.given = given
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	err = cmp.Or(err, p.closeTargets())
	p.sayTraffic()
	return p.end(ctx, err)
}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:        "qsnap",
		Usage:       "take, check and restore snapshots of directory trees: deduplicated, compressed, encrypted",
		Version:     repo.Version,
		HideVersion: true,
		Description: "Without --repo, qsnap uses the default repository, in your data directory. The first\n" +
			"\"qsnap snapshot DIR\" makes it. SNAPSHOT is \"latest\" or the beginning of an id;\n" +
			"SNAPSHOT:PATH is a path in that snapshot.\n\n" +
			exitHelp(),
		Flags:                  p.globalFlags(),
		EnableBashCompletion:   true,
		HideHelpCommand:        false,
		UseShortOptionHandling: false,
		Reader:                 p.stdin,
		Writer:                 p.stdout,
		ErrWriter:              p.stderr,
		ExitErrHandler:         func(*cli.Context, error) {}, // only main exits
		OnUsageError:           usageError,
		CommandNotFound:        nil,
		Action:                 p.noCommand,
		Before: func(c *cli.Context) (err error) {
			p.json, p.quiet, p.traffic = c.Bool("json"), c.Bool("quiet"), c.Bool("traffic")
			err = p.useProfile(c)
			if err == nil {
				p.cacheSize, err = cacheSizeFlag(c)
			}
			return errors.Join(err, p.checkHost(), checkReplicasVariable(os.Getenv("QSNAP_REPLICAS")))
		},
		Commands: []*cli.Command{
			p.initCommand(), p.runCommand(), p.estimateCommand(), p.runNowCommand(), p.queueCommand(), p.cancelCommand(), p.pauseCommand(), p.resumeCommand(), p.reloadCommand(), p.logsCommand(), p.snapshotCommand(), p.snapshotsCommand(), p.lsCommand(), p.findCommand(),
			p.catCommand(), p.dumpCommand(), p.diffCommand(), p.restoreCommand(), p.copyCommand(), p.replicateCommand(), p.promoteCommand(), p.checkCommand(), p.healCommand(),
			p.statsCommand(), p.historyCommand(), p.statusCommand(), p.reportCommand(), p.mountCommand(), p.forgetCommand(), p.pruneCommand(), p.undeleteCommand(), p.pinCommand(), p.tagCommand(),
			p.rewriteCommand(), p.repairCommand(), p.keyCommand(), p.targetCommand(), p.profileCommand(), p.configCommand(), p.scheduleCommand(), p.completionCommand(), p.versionCommand(), p.jsonCommand(),
		},
		DisableSliceFlagSeparator: true,
	}
	wholeValues(app.Flags, app.Commands)
	return app
}

func (p *program) globalFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "repo", Aliases: []string{"r"}, EnvVars: []string{"QSNAP_REPO"}, Usage: "use `REPOSITORY`: a directory, sftp://HOST/DIR, s3://BUCKET/PREFIX, webdavs://HOST/PATH or rclone:REMOTE:PATH"},
		profileFlag(),
		&cli.StringFlag{Name: "config", Usage: "read the profiles from `FILE` [$QSNAP_CONFIG]", DefaultText: "config.yaml in /etc/qsnap or in your ~/.config/qsnap"},
		&cli.StringSliceFlag{Name: "replica", EnvVars: []string{"QSNAP_REPLICAS"}, Usage: "use `REPLICA`, a copy of the repository on a further target (see \"qsnap replicate --help\"); may be repeated"},
		&cli.StringFlag{Name: "password-file", Usage: "read the password from `FILE` [$QSNAP_PASSWORD_FILE, or the password itself in $QSNAP_PASSWORD]"},
		&cli.StringFlag{Name: "password-command", Usage: "run `COMMAND` in a shell and read the password from its output [$QSNAP_PASSWORD_COMMAND]"},
		&cli.StringFlag{Name: "key-file", Usage: "open the repository with the key or recovery sheet in `FILE` instead of a password [$QSNAP_KEY_FILE]"},
		&cli.BoolFlag{Name: "no-keyring", EnvVars: []string{"QSNAP_NO_KEYRING"}, Usage: "do not use the kernel's keyring, which for a day makes unlocking with a password from a file or $QSNAP_PASSWORD fast"},
		&cli.StringFlag{Name: "cache-dir", EnvVars: []string{"QSNAP_CACHE_DIR"}, Usage: "keep the local index and copies of small objects in `DIR`, which may be deleted at any time"},
		&cli.StringFlag{Name: "cache-size", Usage: "cache up to `SIZE` of small objects of a remote repository; 0 caches none", DefaultText: "512M"},
		&cli.BoolFlag{Name: "json", Usage: "print JSON (see \"qsnap help json\")"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only requested output, warnings and errors"},
		&cli.BoolFlag{Name: "traffic", Usage: "print at the end how many requests, bytes and retries the repository took"},
	}, connectionFlags()...)
}

// plainFlags removes from the help of flags the defaults that only say that nothing is set,
// and the repetition that package cli prints for lists.
func plainFlags() {
	show := cli.FlagStringer
	unset := strings.NewReplacer(" (default: false)", "", " (default: 0)", "", " (default: 0s)", "")
	again := regexp.MustCompile(` \[ -.* \]`)
	cli.FlagStringer = func(f cli.Flag) string {
		return again.ReplaceAllString(unset.Replace(show(f)), "")
	}
}

// noCommand runs if no command was given, or an unknown one.
func (p *program) noCommand(c *cli.Context) error {
	if name := c.Args().First(); name != "" {
		return hint{fmt.Errorf("unknown command %q", name), "\"qsnap help\" lists the commands"}
	}
	return cli.ShowAppHelp(c)
}

// usageError adds to an error about flags which help to read.
func usageError(c *cli.Context, err error, sub bool) error {
	name := "qsnap"
	if c.Command != nil && c.Command.Name != "" && sub {
		name = "qsnap " + c.Command.Name
	}
	return hint{err, fmt.Sprintf("see \"%s --help\"", name)}
}

// command adds to a command what all commands share.
func (p *program) command(c *cli.Command) *cli.Command {
	c.OnUsageError = func(ctx *cli.Context, err error, _ bool) error {
		return hint{err, fmt.Sprintf("see \"qsnap %s --help\"", ctx.Command.FullName())}
	}
	c.HideHelpCommand = true
	c.Before = p.asProfile
	return c
}
