package governor

import (
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// machine is part of meter.
func (m *systemMeter) machine() (cpus float64, all int) { return machine() }

// machine returns how many processors this process may use, and how many there are. The
// number that Go knows is that of the cpuset.
func machine() (cpus float64, all int) {
	cpus = float64(runtime.NumCPU())
	if quota := quotaIn("/"); quota > 0 {
		cpus = min(cpus, quota)
	}
	all = runtime.NumCPU()
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		if _, n := busyTime(text); n > 0 {
			all = n
		}
	}
	return cpus, all
}

// quotaIn returns how many processors the control groups of this process allow, or 0 if they
// don't limit it. root is where the files of the kernel are.
func quotaIn(root string) (least float64) {
	groups, _ := os.ReadFile(path.Join(root, "proc/self/cgroup"))
	mounts, _ := os.ReadFile(path.Join(root, "proc/self/mountinfo"))
	for _, m := range groupMounts(string(mounts)) {
		group, found := groupOf(string(groups), m.unified)
		if !found {
			continue
		}
		below, within := strings.CutPrefix(group+"/", strings.TrimSuffix(m.root, "/")+"/")
		if !within {
			below = "" // the group lies outside of what is mounted, as in some containers
		}
		for dir := path.Clean(m.at + "/" + below); ; dir = path.Dir(dir) {
			if q := quotaOf(path.Join(root, dir), m.unified); q > 0 && (least == 0 || q < least) {
				least = q
			}
			if len(dir) <= len(m.at) {
				break
			}
		}
	}
	return least
}

// A groupMount is a mounted hierarchy of control groups that may limit processors.
type groupMount struct {
	root, at string
	unified  bool // version 2
}

// groupMounts finds hierarchies in the text of /proc/self/mountinfo.
func groupMounts(mountinfo string) (all []groupMount) {
	for line := range strings.Lines(mountinfo) {
		before, after, found := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !found || len(f) < 5 || len(g) < 3 {
			continue
		}
		unified := g[0] == "cgroup2"
		if unified || g[0] == "cgroup" && hasWord(g[2], "cpu") {
			all = append(all, groupMount{unescape(f[3]), unescape(f[4]), unified})
		}
	}
	return all
}

// unescape returns a path of mountinfo, where spaces and the like are octal numbers.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// groupOf returns the process's group in a hierarchy, from the text of /proc/self/cgroup.
func groupOf(text string, unified bool) (group string, found bool) {
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && (unified && f[0] == "0" && f[1] == "" || !unified && hasWord(f[1], "cpu")) {
			return f[2], true
		}
	}
	return "", false
}

func hasWord(list, word string) bool { return strings.Contains(","+list+",", ","+word+",") }

// quotaOf returns how many processors one group allows, or 0 if it doesn't limit them.
func quotaOf(dir string, unified bool) float64 {
	number := func(text string) float64 {
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return 0 // such as max
		}
		return n
	}
	read := func(name string) string {
		b, _ := os.ReadFile(path.Join(dir, name))
		return string(b)
	}
	quota, period := 0.0, 0.0
	if unified {
		if f := strings.Fields(read("cpu.max")); len(f) == 2 {
			quota, period = number(f[0]), number(f[1])
		}
	} else {
		quota, period = number(read("cpu.cfs_quota_us")), number(read("cpu.cfs_period_us"))
	}
	if !(quota > 0 && period > 0) {
		return 0
	}
	return quota / period
}
