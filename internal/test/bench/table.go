package main

import (
	"fmt"
	"os/exec"
	"slices"
)

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// floorOf names the floor that a phase can't get below, if there is one that can be told
// from nothing.
func (b *bench) floorOf(p phase) string {
	name := map[phase]string{
		first: "read", unchanged: "lstat", changed: "lstat", restored: "copy", history: "lstat",
	}[p]
	if p == changed && b.files <= few {
		name = "read" // the file that was changed, above all
	}
	if median(b.floors[name]) < 0.005 {
		return ""
	}
	return name
}

// print prints the table: a row for each phase that was measured, of files and bytes
// as they are in the end.
func (b *bench) print(name string) {
	caches := "warm"
	if b.cold {
		caches = "cold"
	}
	fmt.Printf("\n%s: %d files, %.1f MB (%s; %s; medians of %d)\n\n", name, b.files, float64(b.bytes)/1e6, environment(), caches, b.runs)
	head, line := "| |", "|---|"
	for _, t := range b.tools {
		head += " " + t.name + " |"
		line += "---|"
	}
	for _, t := range b.tools[1:] {
		head += " qsnap / " + t.name + " |"
		line += "---|"
	}
	fmt.Println(head + " floor | qsnap / floor |")
	fmt.Println(line + "---|---|")
	for _, p := range phases {
		if len(b.results[b.tools[0].name][p]) > 0 {
			b.printRow(p)
		}
	}
	fmt.Printf("\nFloors: look at every file %.2f s, read all %.2f s, copy all %.2f s.\n",
		median(b.floors["lstat"]), median(b.floors["read"]), median(b.floors["copy"]))
	for _, t := range b.tools {
		if v, err := exec.Command(t.version[0], t.version[1:]...).Output(); err == nil {
			fmt.Printf("%s", v)
		}
	}
	if b.profiled {
		b.printProfiles()
	}
}

func (b *bench) printRow(p phase) {
	row := "| " + string(p) + " |"
	ours := median(b.results[b.tools[0].name][p])
	for _, t := range b.tools {
		row += " " + format(p, median(b.results[t.name][p])) + " |"
	}
	for _, t := range b.tools[1:] {
		row += fmt.Sprintf(" %.2f |", ours/median(b.results[t.name][p]))
	}
	if name := b.floorOf(p); name != "" {
		floor := median(b.floors[name])
		row += fmt.Sprintf(" %s %.2f s | %.1f |", name, floor, ours/floor)
	} else {
		row += " | |"
	}
	fmt.Println(row)
}

func format(p phase, v float64) string {
	if p == size || p == memory {
		return fmt.Sprintf("%.1f MB", v/1e6)
	}
	return fmt.Sprintf("%.2f s", v)
}
