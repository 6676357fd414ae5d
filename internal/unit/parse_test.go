package unit

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// elements returns the text of each element of a document with a name.
func elements(t *testing.T, document, name string) (texts []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(document))
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			if token.Name.Local == name {
				texts = append(texts, "")
			}
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] == name {
				texts[len(texts)-1] += string(token)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
}

func TestAPropertyListHoldsTheCommandWordByWord(t *testing.T) {
	j := hard(t)
	label, plist, err := j.Launchd()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := elements(t, plist, "string"), append([]string{label}, append(slices.Clone(j.Command), "Background")...); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := elements(t, plist, "integer"); !slices.Equal(got, []string{"3", "0", "2", "30"}) { // 03:00 where 02:30 is skipped
		t.Errorf("times %q", got)
	}
}

func TestAPropertyListHasABoundedNumberOfTimes(t *testing.T) {
	for _, text := range []string{"every 11m", "cron */5 8-17 * * mon-fri Europe/Berlin", "cron 1,3,7,9,13,17,19,23,29,31,37,41,43,47,53,59 0-22 1-27 1-11 * UTC"} {
		_, plist, err := job(t, text).Launchd()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(elements(t, plist, "dict")) - 1; n < 1 || n > mostIntervals {
			t.Errorf("%s: %d times", text, n)
		}
	}
}

func TestATaskOfWindowsHoldsTheCommandLine(t *testing.T) {
	j := hard(t)
	_, task, err := j.WindowsTask()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Command":   `"/opt/my tools/qsnap"`,
		"Arguments": `run --scheduled -p "a \"b\" 50%/ü$HOME'" C:\dir\ ""`,
		"UserId":    "S-1-5-18",
	} {
		if got := elements(t, task, name); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for text, want := range map[string]string{"every 1h": "PT60M", "every 90m": "PT90M", "every 11m": "PT1M"} {
		_, task, err := job(t, text).WindowsTask()
		if err != nil {
			t.Fatal(err)
		}
		if got := elements(t, task, "Interval"); !slices.Equal(got, []string{want}) {
			t.Errorf("%s is repeated each %q", text, got)
		}
	}
	user := job(t, "every 1h")
	user.User = true
	if _, task, _ := user.WindowsTask(); len(elements(t, task, "UserId")) > 0 || !slices.Equal(elements(t, task, "LogonType"), []string{"InteractiveToken"}) {
		t.Errorf("a user's task:\n%s", task)
	}
}

// The rule of CommandLineToArgvW, by which the words are read again.
func TestWordsOfAWindowsCommandLineAreReadAsTheyWere(t *testing.T) {
	for word, want := range map[string]string{
		"plain": "plain", "": `""`, "a b": `"a b"`, `C:\x\`: `C:\x\`, `C:\a b\`: `"C:\a b\\"`, `say "x"`: `"say \"x\""`, `a\"b`: `"a\\\"b"`,
	} {
		if got := windowsWord(word); got != want {
			t.Errorf("%q is written %s, want %s", word, got, want)
		}
	}
}
