package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/internal/exit"
	"github.com/qsnap/qsnap/repo/report"
)

// jsonCommand exists only for its help, which describeJSON adds.
func (p *program) jsonCommand() *cli.Command {
	return p.command(&cli.Command{
		Name: "json", Usage: "describe what --json prints", Hidden: true,
		CustomHelpTemplate: "{{.Description}}\n",
		Action:             func(c *cli.Context) error { return cli.ShowCommandHelp(c, "json") },
	})
}

// describeJSON adds the help of the command json, if it is asked for: making it takes longer
// than all else before a command begins.
func describeJSON(app *cli.App, args []string) {
	if c := app.Command("json"); slices.Contains(args, c.Name) {
		c.Description = jsonHelp()
	}
}

// jsonIntro describes what all output of --json has in common.
const jsonIntro = `With --json, commands print JSON. Most print one object a line; its message_type says what
it is. Some print a single array. Standard error has objects, too: if a command fails, the
last of them is an exit_error. Its kind and code are one of:
%s.

Names are those of restic where both have the same thing. Times follow RFC 3339, sizes are
in bytes. A member with a ? may be absent, and an empty array may be null. Members may be
added; none will be renamed or removed, or get another type. Go programs find the types in
package repo/report.

cat, dump and completion print the same with and without --json.
`

// jsonHelp lists what each command prints with --json.
func jsonHelp() string {
	var kinds []string
	for _, o := range slices.SortedFunc(slices.Values(exit.Outcomes), func(a, b exit.Outcome) int { return cmp.Compare(a.Code, b.Code) }) {
		kinds = append(kinds, fmt.Sprintf("%s %d", o.Kind, o.Code))
	}
	var b strings.Builder
	fmt.Fprintf(&b, jsonIntro, wrapped(strings.Join(kinds, ", "), ""))
	last := "none yet"
	for _, f := range report.Forms() {
		commands := cmp.Or(strings.Join(f.Commands, ", "), "any command")
		if commands != last {
			fmt.Fprintf(&b, "\n%s\n", commands)
			last = commands
		}
		b.WriteString(formHelp(f))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// formHelp returns the lines of one form: its name and its members.
func formHelp(f report.Form) string {
	what := f.Type
	switch {
	case f.List:
		what = "array"
	case what == "":
		what = "object"
	}
	if f.When != "" {
		what += ", " + f.When
	}
	return "  " + what + ":\n" + wrapped(members(f.Value), "    ") + "\n"
}

// helpWidth is the longest line of the help.
const helpWidth = 92

// wrapped breaks a text into lines at spaces.
func wrapped(text, indent string) string {
	var b strings.Builder
	line := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case len(line)+1+len(word) > helpWidth:
			b.WriteString(line + "\n")
			line = indent
		default:
			line += " "
		}
		line += word
	}
	return b.String() + line
}
