package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/term"
	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/repo/connect"
	"github.com/qsnap/qsnap/repo/report"
)

func (p *program) keyCommand() *cli.Command {
	fresh := []cli.Flag{
		&cli.StringFlag{Name: "new-password-file", Usage: "read the new password from `FILE`"},
		&cli.StringFlag{Name: "new-key-file", Usage: "use the key in `FILE`, which is written if it does not exist"},
	}
	return p.command(&cli.Command{
		Name:  "key",
		Usage: "manage the passwords and keys that open the repository",
		Subcommands: []*cli.Command{
			p.command(&cli.Command{Name: "list", Usage: "list the passwords and keys", Action: p.keyList}),
			p.command(&cli.Command{
				Name: "add", Usage: "add a password or key", Action: p.keyAdd,
				Flags: append(fresh, &cli.StringFlag{Name: "label", Usage: "describe the password or key with `TEXT`"}),
			}),
			p.command(&cli.Command{Name: "remove", Usage: "remove a password or key", ArgsUsage: "ID", Action: p.keyRemove}),
			p.command(&cli.Command{Name: "passwd", Usage: "replace the password or key in use", Flags: fresh, Action: p.keyPasswd}),
			p.command(&cli.Command{
				Name: "rotate", Usage: "make a new root key, which the password or key in use opens",
				Description: "New objects are sealed with the new root key, and \"qsnap prune\" seals existing\n" +
					"packs with it when it repacks them. All other passwords, keys and recovery sheets open older objects only:\n" +
					"remove and add these passwords and keys again. Anyone who had the old root key can\n" +
					"still read what they have copied, and the manifests of existing snapshots.",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "remove-others", Usage: "remove all other passwords and keys"}},
				Action: p.keyRotate,
			}),
			p.command(&cli.Command{
				Name: "export", Usage: "print a recovery sheet, which opens the repository even if all passwords and keys are lost",
				Flags:  []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the sheet to a new `FILE` that only you can read", DefaultText: "standard output"}},
				Action: p.keyExport,
			}),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return hint{fmt.Errorf("unknown command \"key %s\"", c.Args().First()), "\"qsnap key --help\" lists the commands"}
			}
			return cli.ShowSubcommandHelp(c)
		},
	})
}

func (p *program) keyList(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	keys, err := r.Keys().List(c.Context)
	if err != nil {
		return err
	}
	if p.json {
		return p.emit(append([]repo.Key{}, keys...))
	}
	rows := [][]string{{"", "ID", "KIND", "CREATED", "BY", "LABEL"}}
	for _, k := range keys {
		mark := " "
		if k.Current {
			mark = "*"
		}
		if k.Outdated {
			k.Label = strings.TrimSpace("(from before the rotation) " + k.Label)
		}
		rows = append(rows, []string{mark, k.ID[:8], string(k.Kind), term.LocalTime(k.Created), k.Username + "@" + k.Hostname, k.Label})
	}
	p.table(rows)
	return nil
}

// freshSecret returns the secret of a new key slot.
func (p *program) freshSecret(c *cli.Context) (repo.Secret, error) {
	file, key := c.String("new-password-file"), c.String("new-key-file")
	switch {
	case file != "" && key != "":
		return repo.Secret{}, usage(errors.New("--new-password-file and --new-key-file exclude each other"))
	case file != "":
		return connect.Password(file)
	case key != "":
		return makeKeyFile(key)
	}
	return p.prompt("the new password", true)
}

func (p *program) keyAdd(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	secret, err := p.freshSecret(c)
	if err != nil {
		return err
	}
	k, err := r.Keys().Add(c.Context, secret, c.String("label"))
	if err != nil {
		return err
	}
	if p.json {
		return p.emit(report.NewKeyAdded(k.ID))
	}
	p.say("added key %s", k.ID[:8])
	return nil
}

func (p *program) keyRemove(c *cli.Context) error {
	id, err := oneArgument(c, "the id of a key")
	if err != nil {
		return err
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	key, err := r.Keys().Find(c.Context, id)
	if err != nil {
		return err
	}
	if err := r.Keys().Remove(c.Context, key.ID); err != nil {
		return err
	}
	if p.json {
		return p.emit(report.NewKeyRemoved(id))
	}
	p.say("removed key %s: anyone who had its password or file may still have the root key, which \"qsnap key rotate\" replaces", id)
	return nil
}

func (p *program) keyPasswd(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	secret, err := p.freshSecret(c)
	if err != nil {
		return err
	}
	if err := r.Keys().Replace(c.Context, secret); err != nil {
		return err
	}
	if p.json {
		return p.emit(report.NewKeyReplaced())
	}
	p.say("the new password or key opens the repository; the old one no longer does")
	return nil
}

func (p *program) keyExport(c *cli.Context) error {
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	lines, err := r.Keys().RecoverySheet()
	if err != nil {
		return err
	}
	p.noteExport(r.ID())
	if p.json {
		return p.emit(report.NewRecoverySheet(r.ID(), lines))
	}
	at, err := p.repository(c)
	if err != nil {
		return err
	}
	sheet := fmt.Sprintf(`# Recovery sheet of the qsnap repository
#   id       %s
#   location %s
#   printed  %s
#
# These lines open the repository even if all its passwords and keys are lost.
# Anyone who has them can read everything in it: keep them elsewhere, on paper
# or in a safe. To use them, type them into a file and run
#   qsnap --repo %s --key-file FILE snapshots
#
%s`, r.ID(), at.shown, time.Now().Format("2006-01-02"), at.shown, lines)
	if name := c.String("output"); name != "" {
		if err := writeNewFile(name, sheet); err != nil {
			if errors.Is(err, os.ErrExist) {
				return hint{fmt.Errorf("%s exists already", name), "name a new file"}
			}
			return err
		}
		p.say("wrote the recovery sheet to %s", name)
		return nil
	}
	_, err = fmt.Fprint(p.stdout, sheet)
	return err
}
