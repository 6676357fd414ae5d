package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// frequency is how often a second a processor is looked at: often enough that the
// shortest phases have a hundred samples, and not at a whole part of a second.
const frequency = 1999

// canProfile tells early what profile would fail for in the end.
func canProfile() error {
	if runtime.GOOS != "linux" {
		return errors.New("profile: this takes Linux")
	}
	if _, err := exec.LookPath("perf"); err != nil {
		return errors.New("profile: perf isn't on PATH: install linux-perf, linux-tools-generic or perf, as your system calls it")
	}
	return nil
}

// profileSteps has qsnap go through all phases once more, in a run of its own.
func (b *bench) profileSteps(source string, paths []string) error {
	n, t := b.runs, b.tools[0]
	if err := b.initAll(n, b.tools[:1]); err != nil {
		return err
	}
	for _, step := range b.steps(n, source, paths) {
		if step.before != nil {
			if err := step.before(); err != nil {
				return err
			}
		}
		out, args := step.command(t)
		if err := b.profile(step.phase, t, b.repo(t, n), out, args); err != nil {
			return err
		}
		if out == "" {
			continue
		}
		if err := b.clear(out); err != nil {
			return err
		}
	}
	return b.clear(b.dir(n))
}

// profileHistory has qsnap take all snapshots once more. The last one is looked at.
func (b *bench) profileHistory(versions []string) error {
	n, t := b.runs, b.tools[0]
	if err := b.initAll(n, b.tools[:1]); err != nil {
		return err
	}
	source := filepath.Join(b.dir(n), "source")
	for i, v := range versions {
		if err := overlay(b.ctx, v, source); err != nil {
			return err
		}
		args := t.snapshot(b.repo(t, n), source)
		if i == len(versions)-1 {
			return b.profile(last, t, b.repo(t, n), "", args)
		}
		if _, err := b.exec(t, b.repo(t, n), "", args); err != nil {
			return err
		}
	}
	return nil
}

// profile runs a command of a tool and notes what the processors were at meanwhile.
func (b *bench) profile(p phase, t tool, repo, dir string, args []string) error {
	data := filepath.Join(b.work, "perf.data")
	record := []string{"perf", "record", "-q", "-e", "cpu-clock", "-F", fmt.Sprint(frequency), "-g", "-o", data, "--"}
	if _, err := b.exec(t, repo, dir, append(record, args...)); err != nil {
		return err
	}
	counts, err := b.samplesOf(data)
	if err != nil {
		return fmt.Errorf("profile of %s: %w", p, err)
	}
	b.profiles[p] = counts
	return os.Remove(data)
}

// samplesOf reads the samples of a file that perf wrote.
func (b *bench) samplesOf(data string) (samples, error) {
	script := exec.CommandContext(b.ctx, "perf", "script", "-i", data, "--no-inline", "-F", "ip,sym,dso")
	var output strings.Builder
	script.Stderr = &output
	stdout, err := script.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := script.Start(); err != nil {
		return nil, err
	}
	counts, err := readSamples(stdout)
	if err != nil {
		return nil, errors.Join(err, script.Process.Kill(), script.Wait())
	}
	if err := script.Wait(); err != nil {
		return nil, fmt.Errorf("perf script: %w\n%s", err, output.String())
	}
	if counts.total() == 0 {
		return nil, errors.New("perf script: no samples")
	}
	return counts, nil
}

// printProfiles prints what each phase spends its processor time on: seconds as they
// were measured without a profile, and shares of it.
func (b *bench) printProfiles() {
	fmt.Printf("\nWhat qsnap's processors do, in shares of the samples of one more run:\n\n")
	head, line := "| | wall | processors | at once | samples |", "|---|---|---|---|---|"
	for _, c := range classes {
		head += " " + string(c) + " |"
		line += "---|"
	}
	fmt.Println(head)
	fmt.Println(line)
	inKernel := false
	for _, p := range phases {
		counts, ok := b.profiles[p]
		if !ok {
			continue
		}
		var wall, busy []float64
		for _, u := range b.spent[p] {
			wall, busy = append(wall, u.seconds), append(busy, u.processors)
		}
		row := fmt.Sprintf("| %s | %.2f s | %.2f s | %.1f | %d |", p, median(wall), median(busy), median(busy)/median(wall), counts.total())
		for _, c := range classes {
			row += fmt.Sprintf(" %s |", share(counts[c], counts.total()))
			inKernel = inKernel || strings.HasPrefix(string(c), "kernel") && counts[c] > 0
		}
		fmt.Println(row)
	}
	if !inKernel {
		fmt.Println("\nThe kernel's samples are missing: they take root, or kernel.perf_event_paranoid at most 1.")
	}
}

func share(n, total int) string {
	if 200*n < total {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(total))
}
