package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"
)

// A listFlag may be repeated. Each value is taken as it was written: nothing is split or
// trimmed. A variable holds one value a line.
type listFlag struct{ *cli.StringSliceFlag }

// wholeValues makes a listFlag of each flag that is a list, because package cli would split
// its values at commas and trim them.
func wholeValues(flags []cli.Flag, commands []*cli.Command) {
	for i, f := range flags {
		if list, ok := f.(*cli.StringSliceFlag); ok {
			flags[i] = listFlag{list}
		}
	}
	for _, c := range commands {
		wholeValues(c.Flags, c.Subcommands)
	}
}

// Apply defines the flag under its first name only: normalizeArgs leaves no other. Package
// cli would copy values from name to name as JSON, which can hold only UTF-8.
func (f listFlag) Apply(set *flag.FlagSet) error {
	bare := *f.StringSliceFlag
	bare.Aliases, bare.EnvVars, bare.KeepSpace = nil, nil, true
	if lines := valuesOf(f.EnvVars); lines != nil {
		bare.Value = cli.NewStringSlice(lines...)
		f.HasBeenSet = true
	}
	return bare.Apply(set)
}

// valuesOf returns the lines of the first of these variables that is set.
func valuesOf(variables []string) (lines []string) {
	for _, name := range variables {
		text, set := os.LookupEnv(name)
		if !set {
			continue
		}
		for line := range strings.SplitSeq(text, "\n") {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				lines = append(lines, line)
			}
		}
		return lines
	}
	return nil
}

// checkReplicasVariable refuses several locations with commas between them, as an older qsnap
// took them. Now they would be the name of one replica, which would be made.
func checkReplicasVariable(text string) error {
	parts := strings.Split(text, ",")
	if len(parts) < 2 || strings.Contains(text, "\n") {
		return nil
	}
	for _, part := range parts {
		if !strings.HasPrefix(part, "/") && !strings.Contains(part, "://") {
			return nil
		}
	}
	if _, err := os.Lstat(text); err == nil {
		return nil
	}
	return hint{fmt.Errorf("QSNAP_REPLICAS is %q", text), "write each replica on a line of its own, without commas"}
}

// mayBeEmpty names flags for which an empty value means something.
var mayBeEmpty = []string{"group-by"}

// named lists flags whose values are shown in lists of snapshots, as one word of a line.
var named = []string{"tag", "keep-tag", "add", "remove", "set", "host", "label"}

// checkValue refuses an invalid value of a flag. Before holds the flag's earlier values.
func checkValue(f cli.Flag, value string, before []string) error {
	name := f.Names()[0]
	switch {
	case value == "" && !slices.Contains(mayBeEmpty, name):
		return hint{fmt.Errorf("--%s: the value is empty", name), "leave the flag out, or give it a value"}
	case slices.Contains(named, name) && strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Errorf("--%s %q: the value must not contain line breaks or other control characters", name, value)
	case isDuration(f) && strings.HasPrefix(value, "-"), name == "last" && strings.HasPrefix(value, "-"):
		return fmt.Errorf("--%s %q: the value must not be negative", name, value)
	case isNumber(f) && !isDecimal(value):
		return fmt.Errorf("--%s %q: want a whole number, such as 7", name, value)
	}
	if _, list := f.(listFlag); !list && len(before) > 0 && before[0] != value {
		return hint{fmt.Errorf("--%s is given twice, as %q and %q", name, before[0], value), "give it once"}
	}
	return nil
}

func isNumber(f cli.Flag) bool {
	_, ok := f.(*cli.IntFlag)
	return ok
}

func isDuration(f cli.Flag) bool {
	_, ok := f.(*cli.DurationFlag)
	return ok
}

// isDecimal reports whether a text is a decimal number. Package cli would read others, such
// as 010, in another base.
func isDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s == "0" || s != "" && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}
