package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// helpVerbs are the words that the help of a command or flag may begin with. They are few,
// so that one thing has one name: a new one is a decision.
var helpVerbs = strings.Fields(`
	add allow answer apply
	bring
	cache call change check compare compress copy cut
	delete describe do
	fetch find follow forget
	give
	ignore
	keep
	leave let list lock look
	make manage mount
	open overwrite
	print promote prune put
	read rebuild record remove repack repair replace replicate restore retry rewrite run
	salvage search select send show stop store
	take test trust turn
	unpin use
	wait write`)

// A helpText is the help of a command or flag.
type helpText struct{ of, text string }

// helpTexts lists the help of the flags and commands, and of what is below them.
func helpTexts(t *testing.T, of string, flags []cli.Flag, commands []*cli.Command) (list []helpText) {
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			t.Fatalf("%s --%s has no help", of, f.Names()[0])
		}
		list = append(list, helpText{of + " --" + f.Names()[0], doc.GetUsage()})
	}
	for _, c := range commands {
		name := of + " " + c.Name
		list = append(list, helpText{name, c.Usage})
		list = append(list, helpTexts(t, name, c.Flags, c.Subcommands)...)
	}
	return list
}

func TestTheHelpOfEachCommandAndFlagIsALineThatBeginsWithAVerb(t *testing.T) {
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
	app := p.app()
	list := helpTexts(t, "qsnap", app.Flags, app.Commands)
	list = append(list, helpText{"qsnap", app.Usage})
	if len(list) < 150 {
		t.Errorf("only %d commands and flags were found", len(list))
	}
	used := map[string]bool{}
	for _, h := range list {
		verb, rest, _ := strings.Cut(h.text, " ")
		verb = strings.TrimSuffix(verb, ",")
		used[verb] = true
		if !slices.Contains(helpVerbs, verb) {
			t.Errorf("%s: %q begins with no verb of helpVerbs", h.of, h.text)
		}
		if rest == "" || strings.ContainsAny(h.text, "\n\r") || strings.HasSuffix(h.text, ".") {
			t.Errorf("%s: %q is not one line without a full stop", h.of, h.text)
		}
	}
	for _, verb := range helpVerbs {
		if !used[verb] {
			t.Errorf("nothing begins with %q: take it off helpVerbs", verb)
		}
	}
}
