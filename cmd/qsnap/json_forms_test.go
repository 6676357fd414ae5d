package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qsnap/qsnap/repo/report"
)

// A goldenLine is a line of a golden file, and the command line that printed it.
type goldenLine struct {
	where, command, text string
}

func goldenLines(t *testing.T) (lines []goldenLine) {
	t.Helper()
	files, err := filepath.Glob(goldenDir + "/*.golden")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		command := ""
		for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			switch {
			case strings.HasPrefix(line, "$ "):
				command = line[2:]
			case line == "such as:":
				command = strings.TrimSuffix(filepath.Base(file), ".golden")
			case line != "standard error:":
				lines = append(lines, goldenLine{fmt.Sprintf("%s:%d", file, i+1), command, line})
			}
		}
	}
	return lines
}

// by returns the command of a form that may have printed the line.
func (l goldenLine) by(f report.Form) (command string, ok bool) {
	if f.Commands == nil {
		return "", true
	}
	for _, command := range f.Commands {
		if strings.HasPrefix(l.command+" ", command+" ") || strings.HasPrefix(command+" ", l.command+" ") {
			return command, true
		}
	}
	return "", false
}

// aWholeID stands where the golden files have ID.
var aWholeID = strings.Repeat("ab", 32)

// decodes reports whether a line is of a form, as a program that knows no other members
// decodes it: what it decodes is all that was printed.
func decodes(f report.Form, text string) error {
	text = strings.ReplaceAll(text, `"ID"`, `"`+aWholeID+`"`)
	into := reflect.New(reflect.TypeOf(f.Value))
	if f.List {
		into = reflect.New(reflect.SliceOf(reflect.TypeOf(f.Value)))
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into.Interface()); err != nil {
		return err
	}
	again, err := json.Marshal(into.Interface())
	if err != nil {
		return err
	}
	var want, got any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		return err
	}
	if err := json.Unmarshal(again, &got); err != nil {
		return err
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("it becomes %s", again)
	}
	return nil
}

func TestEveryLineOfJSONIsOfAListedFormAndDecodes(t *testing.T) {
	forms := report.Forms()
	seen := map[string]bool{} // command and number of the form
	for _, line := range goldenLines(t) {
		var head report.Head
		list := strings.HasPrefix(line.text, "[")
		if !list {
			if err := json.Unmarshal([]byte(line.text), &head); err != nil {
				t.Fatal(err)
			}
		}
		var why []error
		known := false
		for i, f := range forms {
			command, ok := line.by(f)
			if !ok || f.List != list || f.Type != head.MessageType {
				continue
			}
			if err := decodes(f, line.text); err != nil {
				why = append(why, fmt.Errorf("%T: %w", f.Value, err))
				continue
			}
			known = true
			seen[fmt.Sprint(i, command)] = seen[fmt.Sprint(i, command)] || line.text != "[]"
		}
		if !known {
			t.Errorf("%s: %s is of no form: %v", line.where, line.text, why)
		}
	}
	for i, f := range forms {
		commands := f.Commands
		if commands == nil {
			commands = []string{""}
		}
		for _, command := range commands {
			if !seen[fmt.Sprint(i, command)] {
				t.Errorf("%s: %T is printed in no golden file", command, f.Value)
			}
		}
	}
}

func TestHelpListsEveryMemberThatIsPrinted(t *testing.T) {
	words := regexp.MustCompile(`\w+`).FindAllString(jsonHelp(), -1)
	var look func(line goldenLine, v any)
	look = func(line goldenLine, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				if !slices.Contains(words, name) {
					t.Errorf("%s: help json lacks %s", line.where, name)
				}
				if name != "config" { // whose members are the keys of the file
					look(line, member)
				}
			}
		case []any:
			for _, element := range v {
				look(line, element)
			}
		}
	}
	for _, line := range goldenLines(t) {
		var v any
		dec := json.NewDecoder(bytes.NewReader([]byte(line.text)))
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		look(line, v)
	}
}
