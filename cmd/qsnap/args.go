package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// normalizeArgs moves flags to where package cli looks for them: global ones before the
// command, the command's own before its arguments. Users may put them anywhere. Each flag
// gets its first name. An invalid value or argument is an error. Given are the first names of
// the flags.
func normalizeArgs(app *cli.App, args []string) (normal, given []string, err error) {
	if len(args) == 0 || args[len(args)-1] == "--generate-bash-completion" {
		return args, nil, nil
	}
	a := &argNormalizer{globals: app.Flags, commands: app.Commands, values: map[string][]string{}}
	rest := args[1:]
	for len(rest) > 0 {
		rest = a.take(rest)
	}
	if err := cmp.Or(a.bad, a.checkArguments()); err != nil {
		return nil, nil, err
	}
	out := append([]string{args[0]}, a.global...)
	out = append(out, a.command...)
	if len(a.arguments) > 0 {
		out = append(out, "--")
		out = append(out, a.arguments...)
	}
	return out, a.given, nil
}

type argNormalizer struct {
	globals  []cli.Flag
	current  []cli.Flag     // of the command
	commands []*cli.Command // that may come next
	last     *cli.Command

	global, command, arguments []string

	values map[string][]string // of flags, by first name
	given  []string            // flags, by first name
	bad    error               // about the first invalid value
}

// take files the first word, with its value if it is a flag that has one. It returns the
// rest.
func (a *argNormalizer) take(args []string) (rest []string) {
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
				a.current, a.commands, a.last = c.Flags, c.Subcommands, c
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

func (a *argNormalizer) flag(args []string) (rest []string) {
	name, value, hasValue := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
	list := &a.command
	found := findFlag(a.current, name)
	if found == nil {
		if found = findFlag(a.globals, name); found != nil {
			list = &a.global
		}
	}
	if found == nil && a.current == nil && len(a.command) == 0 {
		list = &a.global // unknown: package cli reports it
	}
	if found != nil {
		a.given = append(a.given, found.Names()[0])
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

// value checks and records a flag's value.
func (a *argNormalizer) value(f cli.Flag, value string) {
	name := f.Names()[0]
	if err := checkValue(f, value, a.values[name]); err != nil && a.bad == nil && !isBool(f) {
		a.bad = err
	}
	a.values[name] = append(a.values[name], value)
}

// checkArguments refuses arguments that a command would ignore: empty ones, and more than
// it takes.
func (a *argNormalizer) checkArguments() error {
	if slices.Contains(a.arguments, "") {
		return hint{errors.New("an argument is empty"), "leave it out, or give it a value"}
	}
	if a.last == nil || len(a.last.Subcommands) > 0 || strings.Contains(a.last.ArgsUsage, "...") {
		return nil
	}
	name := strings.Join(slices.DeleteFunc(slices.Clone(a.command), func(w string) bool { return strings.HasPrefix(w, "-") }), " ")
	most := len(strings.Fields(a.last.ArgsUsage))
	if len(a.arguments) <= most {
		return nil
	}
	err := fmt.Errorf("%s takes no arguments: %q is one too many", name, a.arguments[0])
	if most > 0 {
		err = fmt.Errorf("%s takes %s: %q is one too many", name, a.last.ArgsUsage, a.arguments[most])
	}
	return hint{err, fmt.Sprintf("see \"qsnap %s --help\"", name)}
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
