package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

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
