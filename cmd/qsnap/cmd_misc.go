package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
	"github.com/qsnap/qsnap/target"
	"github.com/qsnap/qsnap/target/targettest"
)

func (p *program) targetCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "target",
		Usage: "look at where repositories are kept",
		Subcommands: []*cli.Command{
			p.command(&cli.Command{
				Name:        "check",
				Usage:       "find out whether a directory or server can be trusted with a repository",
				ArgsUsage:   "TARGET",
				Description: "Writes about 20 MB below targettest/, and removes it again. A repository there is not touched.",
				Action:      p.targetCheck,
			}),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return hint{fmt.Errorf("there is no command \"target %s\"", c.Args().First()), "\"qsnap target --help\" lists them"}
			}
			return cli.ShowSubcommandHelp(c)
		},
	})
}

func (p *program) targetCheck(c *cli.Context) error {
	name := c.Args().First()
	if c.NArg() == 0 {
		at, err := p.place(c)
		if err != nil {
			return err
		}
		name = at.name
	}
	t, err := openTarget(c.Context, name, false)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := targettest.Check(c.Context, t); err != nil {
		return hint{fmt.Errorf("%s: %w", name, err), "don't keep a repository there"}
	}
	free := uint64(0)
	if spacer, ok := target.As[target.Spacer](t); ok {
		if n, _, err := spacer.Space(c.Context); err == nil {
			free = uint64(n)
		}
	}
	if p.json {
		return p.emit(map[string]any{"message_type": "summary", "target": name, "ok": true, "free_bytes": free, "seconds_elapsed": time.Since(start).Seconds()})
	}
	p.say("%s keeps what a repository relies on (checked in %s)", name, duration(time.Since(start)))
	if free > 0 {
		p.say("%s are free there", size(free))
	}
	return nil
}

func (p *program) versionCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			if p.json {
				return p.emit(map[string]any{
					"message_type": "version", "version": repo.Version,
					"go_version": runtime.Version(), "go_os": runtime.GOOS, "go_arch": runtime.GOARCH,
				})
			}
			fmt.Fprintf(p.stdout, "qsnap %s, %s %s/%s\n", repo.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	})
}

// completions are scripts that ask qsnap itself what may come next.
var completions = map[string]string{
	"bash": `_qsnap() {
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$("${COMP_WORDS[@]:0:COMP_CWORD}" --generate-bash-completion 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _qsnap qsnap
`,
	"zsh": `#compdef qsnap
_qsnap() {
	local -a words_
	words_=("${(@f)$("${(@)words[1,CURRENT-1]}" --generate-bash-completion 2>/dev/null)}")
	if [[ -n "${words_[1]}" ]]; then compadd -- "${words_[@]}"; else _files; fi
}
compdef _qsnap qsnap
`,
	"fish": `function __qsnap_complete
	set -l words (commandline -opc)
	$words --generate-bash-completion 2>/dev/null
end
complete -c qsnap -a '(__qsnap_complete)'
`,
}

func (p *program) completionCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:        "completion",
		Usage:       "print a script that completes commands in a shell",
		ArgsUsage:   "bash|zsh|fish",
		Description: "In bash: source <(qsnap completion bash)",
		Action: func(c *cli.Context) error {
			shell, err := oneArgument(c, "bash, zsh or fish")
			if err != nil {
				return err
			}
			script, ok := completions[shell]
			if !ok {
				return fmt.Errorf("completion %q: want bash, zsh or fish", shell)
			}
			_, err = fmt.Fprint(p.stdout, script)
			return err
		},
	})
}
