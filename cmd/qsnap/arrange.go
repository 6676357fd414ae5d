package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts flags where package cli looks for them: global ones before the
// command, its own before its arguments. People put them anywhere. Each flag then has
// its first name. What can't be a value or an argument is refused.
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 || args[len(args)-1] == "--generate-bash-completion" {
		return args, nil
	}
	a := &arranger{globals: app.Flags, commands: app.Commands, values: map[string][]string{}}
	rest := args[1:]
	for len(rest) > 0 {
		rest = a.take(rest)
	}
	if a.bad == nil && slices.Contains(a.arguments, "") {
		a.bad = errors.New("an argument is empty: it names nothing")
	}
	if a.bad != nil {
		return nil, a.bad
	}
	out := append([]string{args[0]}, a.global...)
	out = append(out, a.command...)
	if len(a.arguments) > 0 {
		out = append(out, "--")
		out = append(out, a.arguments...)
	}
	return out, nil
}

type arranger struct {
	globals  []cli.Flag
	current  []cli.Flag     // of the command
	commands []*cli.Command // that may come next

	global, command, arguments []string

	values map[string][]string // of flags, by their first names
	bad    error               // the first of them that can't be
}

// take sorts in one word, with its value if it is a flag that has one, and returns
// the rest.
func (a *arranger) take(args []string) (rest []string) {
	word := args[0]
	switch {
	case word == "--":
		a.arguments = append(a.arguments, args[1:]...)
		a.commands = nil
		return nil
	case len(word) > 1 && word[0] == '-':
		return a.flag(args)
	case len(a.arguments) == 0:
		for _, c := range a.commands {
			if c.HasName(word) {
				a.command = append(a.command, word)
				a.current, a.commands = c.Flags, c.Subcommands
				return args[1:]
			}
		}
	}
	if word == "help" && a.current == nil { // help takes names of commands
		a.command = append(a.command, args...)
		return nil
	}
	a.arguments = append(a.arguments, word)
	return args[1:]
}

func (a *arranger) flag(args []string) (rest []string) {
	name, value, hasValue := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
	list := &a.command
	found := findFlag(a.current, name)
	if found == nil {
		if found = findFlag(a.globals, name); found != nil {
			list = &a.global
		}
	}
	if found == nil && a.current == nil && len(a.command) == 0 {
		list = &a.global // unknown: package cli will say so
	}
	switch {
	case found == nil:
		*list = append(*list, args[0])
		return args[1:]
	case !hasValue && (isBool(found) || len(args) == 1):
		*list = append(*list, "--"+found.Names()[0])
		return args[1:]
	}
	rest = args[1:]
	if !hasValue {
		value, rest = args[1], args[2:]
	}
	a.value(found, value)
	*list = append(*list, "--"+found.Names()[0]+"="+value)
	return rest
}

// value notes a flag's value.
func (a *arranger) value(f cli.Flag, value string) {
	name := f.Names()[0]
	if err := checkValue(f, value, a.values[name]); err != nil && a.bad == nil && !isBool(f) {
		a.bad = err
	}
	a.values[name] = append(a.values[name], value)
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}

func isBool(f cli.Flag) bool {
	_, ok := f.(*cli.BoolFlag)
	return ok
}
