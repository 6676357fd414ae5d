package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/qsnap/qsnap/repo/report"
)

// Limits of a record in bytes. A longer file is no record.
const (
	maxRecord = 32 << 10
	maxFile   = 1 << 20
)

// head begins the first line of a record of this format.
const head = "qsnap-run 1 "

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode returns the record of a run, cut to the length that a record may have.
func encode(run report.Run) ([]byte, error) {
	run.MessageType = "run"
	for _, limit := range []int{maxRecord, 4096, 1024, 256, 0} {
		b, err := json.Marshal(cut(run, limit))
		if err != nil {
			return nil, err
		}
		if len(b) < maxRecord-64 {
			return fmt.Appendf(nil, "%s%08x\n%s\n", head, crc32.Checksum(b, castagnoli), b), nil
		}
	}
	return nil, fmt.Errorf("the record of run %s is longer than %d bytes", run.ID, maxRecord)
}

// cut returns a run whose texts are at most so long, and whose lists fit them.
func cut(run report.Run, limit int) report.Run {
	if limit >= maxRecord {
		return run
	}
	run.Message, run.Skipped = first(run.Message, 256+limit), first(run.Skipped, 256)
	entries := 4 + limit/64
	run.Steps = append([]report.RunStep(nil), run.Steps[:min(entries, len(run.Steps))]...)
	for i := range run.Steps {
		s := &run.Steps[i]
		s.Output, s.Message = last(s.Output, limit), first(s.Message, 128+limit/4)
	}
	run.Copies = append([]report.RunCopy(nil), run.Copies[:min(entries, len(run.Copies))]...)
	for i := range run.Copies {
		run.Copies[i].Message = first(run.Copies[i].Message, 128+limit/4)
		run.Copies[i].Location = first(run.Copies[i].Location, 256)
	}
	if run.Snapshot != nil {
		taken := *run.Snapshot
		taken.Missing = firsts(taken.Missing, entries, 256)
		run.Snapshot = &taken
	}
	if run.Cost != nil {
		cost := *run.Cost
		cost.Remarks = firsts(cost.Remarks, entries, 256)
		run.Cost = &cost
	}
	return run
}

// firsts returns the beginning of a list of texts, and of each text.
func firsts(list []string, entries, limit int) (out []string) {
	for _, s := range list[:min(entries, len(list))] {
		out = append(out, first(s, limit))
	}
	return out
}

// first returns the beginning of a text.
func first(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// last returns the end of a text.
func last(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	from := len(s) - limit
	for from < len(s) && !utf8.RuneStart(s[from]) {
		from++
	}
	return "…" + s[from:]
}

// decode reads what encode returns.
func decode(b []byte) (run report.Run, err error) {
	line, text, ok := bytes.Cut(b, []byte("\n"))
	rest, format := bytes.CutPrefix(line, []byte(head))
	text, whole := bytes.CutSuffix(text, []byte("\n"))
	switch {
	case bytes.HasPrefix(line, []byte("qsnap-run ")) && !format:
		return run, fmt.Errorf("its format is none that this version reads: %.40q", line)
	case !ok || !format || !whole:
		return run, fmt.Errorf("it is not whole")
	case string(rest) != fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)):
		return run, fmt.Errorf("its checksum does not match")
	}
	if err := json.Unmarshal(text, &run); err != nil {
		return run, err
	}
	return run, nil
}

// Forms of times in the names of records.
const (
	startedForm = "20060102T150405.000Z"
	slotForm    = "20060102T150405Z"
	suffix      = ".run"
)

// A name is what the name of a record's file says.
type name struct {
	profile string // the name of the directory
	file    string
	started time.Time
	slot    string // as in the name
	id      string // as in the name
}

// nameOf returns the name of the file of a run. Years have four digits.
func nameOf(run report.Run) (string, error) {
	started := run.Started.UTC()
	if started.IsZero() || started.Year() < 1 || started.Year() > 9999 || run.ID == "" || !utf8.ValidString(run.ID+run.Profile) {
		return "", fmt.Errorf("run %q of %q that started at %s has no record: it needs an id, a time, and names in UTF-8", run.ID, run.Profile, started)
	}
	return started.Format(startedForm) + "_" + slotName(run.Slot) + "_" + fileID(run.ID) + suffix, nil
}

func slotName(slot time.Time) string {
	if slot.IsZero() {
		return "-"
	}
	return slot.UTC().Format(slotForm)
}

// parseName reads the name of a file.
func parseName(file string) (n name, ok bool) {
	rest, ok := strings.CutSuffix(file, suffix)
	parts := strings.Split(rest, "_")
	if !ok || len(parts) != 3 {
		return n, false
	}
	started, err := time.Parse(startedForm, parts[0])
	if err != nil {
		return n, false
	}
	return name{file: file, started: started, slot: parts[1], id: parts[2]}, true
}

// fits reports whether a record may be in the file with that name.
func (n name) fits(run report.Run) bool {
	want, err := nameOf(run)
	return err == nil && want == n.file
}
