package mount

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// holders returns the processes and mounts that use the mount on a directory, from /proc:
// that compares names only and doesn't access the mount.
func holders(dir string) []Holder {
	found := mountsBelow(dir)
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			continue
		}
		if uses := usesOf(process, dir); len(uses) > 0 {
			name, _ := os.ReadFile(process + "/comm")
			found = append(found, Holder{pid, strings.TrimSpace(string(name)), strings.Join(uses, ", ")})
		}
	}
	return found
}

// maxUses limits the uses that are listed for one process.
const maxUses = 3

// usesOf returns how a process uses what is below a directory. It skips what this user
// may not read.
func usesOf(process, dir string) []string {
	var uses []string
	note := func(link, what string) {
		target, err := os.Readlink(link)
		if err != nil || !isBelow(target, dir) {
			return
		}
		if use := what + " " + target; !slices.Contains(uses, use) && len(uses) <= maxUses {
			uses = append(uses, use)
		}
	}
	note(process+"/cwd", "its working directory is")
	note(process+"/root", "its root is")
	note(process+"/exe", "it runs")
	for _, sub := range []struct{ dir, what string }{{"/fd", "it has open"}, {"/map_files", "it maps"}} {
		links, _ := filepath.Glob(process + sub.dir + "/*")
		for _, link := range links {
			note(link, sub.what)
		}
	}
	if len(uses) > maxUses {
		uses[maxUses] = "and more"
	}
	return uses
}

func isBelow(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// mountsBelow returns the mounts inside a directory. In mountinfo (proc(5)) the fifth
// field is the mount point, with octal escapes for spaces and the like.
func mountsBelow(dir string) []Holder {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var found []Holder
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			if at := unescape(fields[4]); at != dir && isBelow(at, dir) {
				found = append(found, Holder{What: fmt.Sprintf("something is mounted on %s", at)})
			}
		}
	}
	return found
}

func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
