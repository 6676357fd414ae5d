package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// samples counts the samples of a profile by what they belong to.
type samples map[class]int

func (s samples) total() (n int) {
	for _, count := range s {
		n += count
	}
	return n
}

// A frame is one of the functions that were being called when a sample was taken.
type frame struct {
	function string
	kernel   bool
}

// readSamples reads what "perf script -F ip,sym,dso" prints: a line for each function,
// the innermost first, and an empty one after each sample.
func readSamples(r io.Reader) (samples, error) {
	counts := samples{}
	var stack []frame
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) != "" {
			f, err := parseFrame(lines.Text())
			if err != nil {
				return nil, err
			}
			stack = append(stack, f)
			continue
		}
		if len(stack) > 0 {
			counts[classify(stack)]++
		}
		stack = stack[:0]
	}
	if len(stack) > 0 {
		counts[classify(stack)]++
	}
	return counts, lines.Err()
}

// parseFrame parses an address, a function and in parentheses the file it is in.
func parseFrame(line string) (frame, error) {
	address, function, ok := strings.Cut(strings.TrimSpace(line), " ")
	at, err := strconv.ParseUint(address, 16, 64)
	if !ok || err != nil {
		return frame{}, fmt.Errorf("perf script: no function of a stack: %q", line)
	}
	if i := strings.LastIndex(function, " ("); i >= 0 {
		function = function[:i]
	}
	return frame{strings.TrimSpace(function), at>>63 == 1}, nil // the upper half is the kernel's
}
