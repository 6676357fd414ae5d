package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/chunk"
	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) initCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "init",
		Usage: "make a repository",
		Description: "Makes the repository's directory as well. If the --key-file does not exist, a new key is\n" +
			"written to it. The settings cannot be changed later. With --profile, repository and key are\n" +
			"those of the profile.",
		Flags: append(otherFlags("from", "--chunker-from"),
			&cli.StringFlag{Name: "pack-size", Usage: "store data in packs of about `SIZE`, from 1M to 4G", DefaultText: "16M"},
			&cli.StringFlag{Name: "chunk-size", Usage: "cut files into chunks of about `SIZE`, from 16K to 1M: small chunks find more duplicates, large ones need less index", DefaultText: "96K"},
			&cli.StringFlag{Name: "chunker-from", Usage: "cut files as `REPOSITORY` does, so that snapshots copied from it share chunks with those taken here"},
		),
		Action: func(c *cli.Context) error {
			return p.init(c)
		},
	})
}

func (p *program) init(c *cli.Context) error {
	at, err := p.repository(c)
	if err != nil {
		return err
	}
	o := repo.InitOptions{Options: p.options(c)}
	if o.PackSize, err = sizeFlag(c, "pack-size"); err != nil {
		return err
	}
	if at.profile != "" && o.PackSize == 0 {
		o.PackSize = p.profile.Repo.NewPackSize()
	}
	if o.PackSize != 0 && (o.PackSize < 1<<20 || o.PackSize > 4<<30) {
		return errors.New("--pack-size: want a size from 1M to 4G")
	}
	chunkSize, err := sizeFlag(c, "chunk-size")
	if err != nil {
		return err
	}
	if o.Chunks, err = chunksOf(chunkSize); err != nil {
		return err
	}
	if name := c.String("chunker-from"); name != "" {
		if o.Chunks.Max != 0 {
			return errors.New("--chunk-size and --chunker-from exclude each other")
		}
		if o.Like, err = p.openOther(c, name, "from", nil); err != nil {
			return err
		}
		defer o.Like.Close()
	}
	secret, key, err := p.newSecret(c, at)
	if err != nil {
		return err
	}
	t, err := p.openTarget(c, at, true)
	if err != nil {
		return err
	}
	r, err := repo.Init(c.Context, t.Target, secret, o)
	if errors.Is(err, fs.ErrExist) {
		return hint{fmt.Errorf("%s: a repository exists here already", at.shown), "use it, or name another location"}
	}
	if err != nil {
		return p.explain(at, err)
	}
	defer p.close(c, r)
	if p.json {
		return p.emit(report.NewInitialized(r.ID(), at.shown))
	}
	p.say("made repository %s at %s", r.ID()[:8], at.shown)
	if key != "" {
		p.say("the key that opens it is in %s", key)
	}
	p.say("Without its password or key nobody can read the repository. Keep a copy elsewhere:")
	export := "qsnap key export"
	if at.profile != "" {
		export += " " + at.flag()
	}
	p.say("\"%s\" prints a recovery sheet.", export)
	return nil
}

// newSecret returns the secret of a new repository, and the name of the key file if
// newSecret has written it.
func (p *program) newSecret(c *cli.Context, at repoRef) (s repo.Secret, key string, err error) {
	given := p.secret(c, "", "QSNAP_")
	name := given.KeyFile
	if name == "" && given.PasswordFile == "" && given.PasswordCommand == "" {
		name = p.getenv("QSNAP_KEY_FILE")
	}
	if name != "" {
		if _, err := os.Stat(name); err == nil {
			s, err = connect.Key(name)
			return s, "", err
		}
		s, err = makeKeyFile(name)
		return s, name, err
	}
	s, found, err := given.Find(c.Context)
	if found || err != nil {
		return s, "", err
	}
	if at.keyFile != "" {
		s, err = makeKeyFile(at.keyFile)
		return s, at.keyFile, err
	}
	s, err = p.prompt("a password for the new repository", true)
	return s, "", err
}

func sizeFlag(c *cli.Context, name string) (int64, error) {
	if !c.IsSet(name) {
		return 0, nil
	}
	n, err := term.ParseSize(c.String(name))
	if err != nil {
		return 0, fmt.Errorf("--%s: %w", name, err)
	}
	return n, nil
}

// chunksOf returns parameters for chunks of a mean size. The minimum is a third of it; a cut
// follows, on average, two thirds after that.
func chunksOf(size int64) (chunk.Params, error) {
	if size == 0 {
		return chunk.Params{}, nil
	}
	if size < 12<<10 || size > 3<<19 {
		return chunk.Params{}, errors.New("--chunk-size: want a size from 16K to 1M")
	}
	bits := 13
	for int64(3)<<bits/2 < size && bits < 20 {
		bits++
	}
	return chunk.Params{Min: 1 << bits / 2, Max: 8 << bits, Bits: bits, Whole: 2 << bits}, nil
}
