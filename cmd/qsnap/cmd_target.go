package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/report"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func (p *program) targetCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "target",
		Usage: "check where repositories are kept, and bring back what was hidden there",
		Description: "qsnap logs in to a server as the user in its URL or in $QSNAP_TARGET_USER. The password is\n" +
			"in $QSNAP_TARGET_PASSWORD, in the file $QSNAP_TARGET_PASSWORD_FILE, or what the command\n" +
			"$QSNAP_TARGET_PASSWORD_COMMAND prints. A token is in $QSNAP_TARGET_TOKEN. Without these,\n" +
			"qsnap looks up the host in ~/.netrc, or in the file $NETRC.\n\n" + s3Help,
		Subcommands: []*cli.Command{
			p.command(&cli.Command{
				Name:      "check",
				Usage:     "test whether a directory or server is fit for a repository, and how fast it is",
				ArgsUsage: "TARGET",
				Description: "Writes up to 25 MB below targettest/, less on a slow target, and removes it afterwards.\n" +
					"A repository there is not touched. Nothing is retried unless --retry-for is given.",
				Action: p.targetCheck,
			}),
			p.command(&cli.Command{
				Name:      "unhide",
				Usage:     "bring back locked objects that somebody has deleted or replaced",
				ArgsUsage: "[TARGET]",
				Description: "In a bucket with object lock, anyone who may delete can hide a locked object, but cannot\n" +
					"remove it. Objects that were deleted after their lock had ended are not brought back.\n" +
					"This needs no password: a repository whose config is hidden cannot be opened.",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be done, but do nothing"}},
				Action: p.targetUnhide,
			}),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return hint{fmt.Errorf("unknown command \"target %s\"", c.Args().First()), "\"qsnap target --help\" lists the commands"}
			}
			return cli.ShowSubcommandHelp(c)
		},
	})
}

// s3Help describes the parameters of an s3:// URL.
const s3Help = `s3://BUCKET/PREFIX takes these parameters, as in s3://backup/web1?object-lock=30d&style=path:
  endpoint=HOST:PORT         use a store other than Amazon's
  region=REGION              use this region
  style=path|virtual         put the bucket into the path or the host name
  insecure=1                 use plain HTTP
  storage-class=CLASS        store packs in this class, such as STANDARD_IA
  sse=AES256|aws:kms[:KEY]   have the store encrypt objects
  checksum=md5|crc32c        send this checksum with each object
  object-lock=PERIOD         as --object-lock, with h, d, w or y
  lock-mode=MODE             governance, or compliance: not even an administrator can delete
  delete-versions=1          delete for good in a bucket that keeps versions
The credentials are those of Amazon's tools: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,
AWS_PROFILE, ~/.aws, or the machine's role.`

// A verdict is the result of checking a target.
type verdict struct {
	at          repoRef
	findings    []targettest.Finding
	createOnly  bool // as far as the target knows
	speed       targettest.Speed
	free, total int64 // 0 if unknown
	elapsed     time.Duration
}

func (p *program) targetCheck(c *cli.Context) error {
	at, err := p.argumentOrRepository(c)
	if err != nil {
		return err
	}
	if !c.IsSet("retry-for") {
		if err := c.Set("retry-for", "0"); err != nil {
			return err
		}
	}
	t, err := p.openTarget(c, at, false)
	if errors.Is(err, repo.ErrNoRepository) {
		return hint{fmt.Errorf("%s: there is no such directory", at), "make it first"}
	}
	if err != nil {
		return err
	}
	start := time.Now()
	v := verdict{at: at}
	if v.speed, err = targettest.Measure(c.Context, t); err != nil {
		return v.blame(err)
	}
	v.findings = targettest.Survey(c.Context, t, v.speed.SurveyLimit())
	if err := c.Context.Err(); err != nil {
		return err
	}
	if v.createOnly, err = target.CreateOnly(c.Context, t); err != nil {
		return v.blame(err)
	}
	if spacer, ok := target.As[target.SpaceReporter](t); ok {
		v.free, v.total, err = spacer.Space(c.Context)
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return v.blame(err)
		}
	}
	v.elapsed = time.Since(start)
	if err := p.showVerdict(v); err != nil {
		return err
	}
	return v.err()
}

// argumentOrRepository returns the location that the argument names, or else that of the
// repository.
func (p *program) argumentOrRepository(c *cli.Context) (repoRef, error) {
	if c.NArg() > 0 {
		name, err := oneArgument(c, "TARGET")
		if err != nil {
			return repoRef{}, err
		}
		return p.refTo(name)
	}
	return p.repository(c)
}

// err returns why the target is not fit for a repository, or nil.
func (v verdict) err() error {
	for _, f := range v.findings {
		if f.Err != nil {
			return v.blame(fmt.Errorf("%s: %w", f.Clause, f.Err))
		}
	}
	return nil
}

// blame says whose fault an error is: the network's, or the target's.
func (v verdict) blame(err error) error {
	err = fmt.Errorf("%s: %w", v.at, err)
	if target.Temporary(err) {
		return hint{err, "the target could not be checked, try again"}
	}
	return hint{err, "do not keep a repository there"}
}

func (p *program) showVerdict(v verdict) error {
	if p.json {
		return p.emit(v.report())
	}
	if p.quiet {
		return nil
	}
	rows := [][]string{{"A REPOSITORY RELIES ON", "HERE"}}
	for _, f := range v.findings {
		result := "ok"
		if f.Err != nil {
			result = "NO: " + term.OneLine(f.Err)
		}
		rows = append(rows, []string{f.Clause, result})
	}
	p.table(rows)
	p.say("")
	rows = [][]string{
		{"time for a request", term.Latency(v.speed.Latency)},
		{"upload", term.Size(uint64(v.speed.Up)) + "/s"},
		{"download", term.Size(uint64(v.speed.Down)) + "/s"},
	}
	if v.total > 0 {
		rows = append(rows, []string{"free", term.Size(uint64(v.free)) + " of " + term.Size(uint64(v.total))})
	}
	p.table(rows)
	if !v.createOnly {
		p.warnUnsafe(repo.ErrNotCreateOnly)
	} else if v.err() == nil {
		p.say("%s is fit for a repository (checked in %s)", v.at, term.Duration(v.elapsed))
	}
	return nil
}

// report returns the verdict for programs.
func (v verdict) report() report.TargetSummary {
	out := report.NewTargetSummary(v.at.shown, v.elapsed)
	for _, f := range v.findings {
		check := report.TargetCheck{Name: f.Clause, OK: f.Err == nil}
		if f.Err != nil {
			check.Error = f.Err.Error()
		}
		out.Checks = append(out.Checks, check)
	}
	out.OK, out.CreateOnly, out.FreeBytes, out.TotalBytes = v.err() == nil, v.createOnly, v.free, v.total
	out.RequestSeconds, out.UploadPerSecond, out.DownloadPerSecond = v.speed.Latency.Seconds(), int64(v.speed.Up), int64(v.speed.Down)
	return out
}
