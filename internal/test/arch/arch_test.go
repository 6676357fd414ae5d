package arch

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/qsnap/qsnap/"

// allowed names, for each package of the module, those it may import. Packages
// that only tests import are not restricted in that.
var allowed = map[string][]string{
	"chunk":                    nil,
	"target":                   nil,
	"internal/seal":            nil,
	"internal/ignore":          nil,
	"internal/hook":            nil,
	"target/local":             {"internal/pagecache", "target"},
	"internal/trust":           nil,
	"target/s3":                {"internal/trust", "target"},
	"target/s3/s3test":         nil,
	"target/sftp":              {"target"},
	"target/targetbench":       {"target"},
	"target/targettest":        {"target"},
	"target/webdav":            {"internal/trust", "target"},
	"target/rclone":            {"target", "target/webdav"},
	"pack":                     {"chunk", "internal/seal"},
	"index":                    {"chunk", "internal/seal", "pack"},
	"snapshot":                 {"chunk"},
	"snapshot/retention":       {"snapshot"},
	"internal/series":          {"snapshot", "snapshot/retention"},
	"internal/cache":           nil,
	"internal/object":          {"chunk", "internal/cache", "internal/pace", "internal/seal", "pack", "target"},
	"internal/config":          {"chunk", "internal/object", "internal/seal", "pack", "target"},
	"internal/ctxmutex":        nil,
	"internal/governor":        {"repo/report"},
	"internal/pace":            nil,
	"internal/pagecache":       nil,
	"internal/blob":            {"chunk", "index", "internal/ctxmutex", "internal/keys", "internal/object", "internal/pace", "internal/seal", "pack", "snapshot", "target"},
	"internal/catalog":         {"chunk", "internal/keys", "internal/object", "internal/seal", "snapshot"},
	"internal/runs":            {"internal/object", "internal/seal", "pack"},
	"internal/keys":            {"internal/config", "internal/object", "internal/seal", "target"},
	"internal/engine":          {"chunk", "index", "internal/blob", "internal/catalog", "internal/config", "internal/keys", "internal/object", "internal/pace", "internal/runs", "internal/seal", "target"},
	"internal/disk":            {"internal/pagecache", "snapshot"},
	"internal/source":          {"internal/disk", "snapshot"},
	"internal/capture":         {"chunk", "internal/disk", "internal/ignore", "internal/pace", "internal/source", "snapshot"},
	"internal/place":           {"internal/ignore", "snapshot"},
	"internal/outcome":         {"chunk", "internal/extract", "snapshot"},
	"internal/write":           {"chunk", "index", "internal/blob", "internal/capture", "internal/catalog", "internal/ctxmutex", "internal/engine", "internal/object", "internal/runs", "internal/seal", "pack", "snapshot", "target"},
	"internal/check":           {"chunk", "index", "internal/blob", "internal/catalog", "internal/config", "internal/engine", "internal/object", "internal/outcome", "internal/runs", "internal/seal", "pack", "snapshot", "target"},
	"internal/transfer":        {"chunk", "index", "internal/blob", "internal/capture", "internal/catalog", "internal/config", "internal/engine", "internal/object", "internal/outcome", "internal/runs", "internal/seal", "internal/view", "internal/write", "pack", "snapshot", "target"},
	"internal/prune":           {"chunk", "index", "internal/blob", "internal/capture", "internal/catalog", "internal/engine", "internal/object", "internal/outcome", "internal/runs", "internal/seal", "internal/write", "pack", "snapshot", "snapshot/retention", "target"},
	"internal/forecast":        {"snapshot"},
	"internal/take":            {"internal/capture", "internal/catalog", "internal/disk", "internal/engine", "internal/ignore", "internal/object", "internal/outcome", "internal/place", "internal/prune", "internal/runs", "internal/source", "internal/write", "pack", "snapshot"},
	"internal/view":            {"internal/blob", "snapshot"},
	"internal/repair":          {"chunk", "index", "internal/blob", "internal/check", "internal/engine", "internal/ignore", "internal/object", "internal/outcome", "internal/place", "internal/prune", "internal/runs", "internal/write", "pack", "snapshot"},
	"internal/control":         {"internal/control/client", "repo/report"},
	"internal/control/client":  {"repo/report"},
	"cmd/qsnapd":               {"internal/control", "internal/control/client", "internal/dispatch", "internal/exit", "internal/history", "internal/runlog", "internal/state", "internal/term", "repo", "repo/job", "repo/job/calendar", "repo/job/profile", "repo/report", "snapshot"},
	"internal/runlog":          {"internal/state"},
	"internal/dispatch":        {"repo/report"},
	"internal/samename":        {"internal/disk", "snapshot"},
	"internal/protect":         {"chunk", "internal/disk", "internal/ignore", "snapshot"},
	"internal/extract":         {"chunk", "index", "internal/disk", "internal/ignore", "internal/pace", "internal/protect", "internal/samename", "pack", "snapshot"},
	"internal/restore":         {"chunk", "internal/blob", "internal/capture", "internal/catalog", "internal/disk", "internal/engine", "internal/extract", "internal/ignore", "internal/outcome", "internal/place", "internal/protect", "internal/seal", "internal/view", "snapshot"},
	"internal/replica":         {"chunk", "index", "internal/blob", "internal/catalog", "internal/config", "internal/engine", "internal/keys", "internal/object", "internal/outcome", "internal/prune", "internal/repair", "internal/runs", "internal/seal", "internal/transfer", "internal/write", "pack", "snapshot", "target"},
	"repo":                     {"chunk", "internal/blob", "internal/capture", "internal/catalog", "internal/check", "internal/config", "internal/engine", "internal/extract", "internal/ignore", "internal/keys", "internal/object", "internal/outcome", "internal/place", "internal/prune", "internal/repair", "internal/replica", "internal/restore", "internal/retain", "internal/seal", "internal/take", "internal/transfer", "internal/usage", "internal/view", "pack", "snapshot", "snapshot/retention", "target"},
	"internal/retain":          {"chunk", "index", "internal/blob", "internal/catalog", "internal/engine", "internal/object", "internal/runs", "internal/write", "pack", "snapshot", "snapshot/retention"},
	"internal/usage":           {"chunk", "index", "internal/blob", "internal/catalog", "internal/engine", "internal/object", "snapshot"},
	"repo/job/calendar":        {"snapshot"},
	"internal/unit":            {"repo/job/calendar"},
	"repo/connect":             {"internal/keyring", "internal/trust", "repo", "target", "target/local", "target/rclone", "target/s3", "target/sftp", "target/webdav"},
	"repo/report":              {"repo", "snapshot", "snapshot/retention", "target"},
	"internal/state":           {"repo/report", "snapshot"},
	"internal/exit":            {"repo", "repo/connect", "repo/report", "snapshot", "target"},
	"internal/patternfile":     {"internal/term", "repo"},
	"internal/page":            {"internal/term", "repo/report"},
	"internal/history":         {"internal/state", "repo/report", "snapshot", "snapshot/retention"},
	"internal/yamledit":        nil,
	"repo/job/profile":         {"internal/patternfile", "internal/source", "internal/term", "internal/yamledit", "repo", "repo/connect", "repo/job/calendar", "snapshot/retention"},
	"repo/job":                 {"internal/control/client", "internal/exit", "internal/forecast", "internal/governor", "internal/history", "internal/hook", "internal/patternfile", "internal/series", "internal/state", "internal/term", "repo", "repo/connect", "repo/job/calendar", "repo/job/profile", "repo/report", "snapshot", "snapshot/retention", "target", "target/targettest"},
	"internal/archive":         {"repo", "snapshot"},
	"internal/mount":           {"repo", "snapshot"},
	"internal/test/api":        nil,
	"internal/term":            nil,
	"internal/test/arch":       nil,
	"internal/test/bench":      nil,
	"internal/test/chaos":      nil,
	"internal/test/fixture":    {"internal/keys", "internal/seal", "target"},
	"internal/keyring":         nil,
	"internal/test/mutants":    nil,
	"internal/test/servers":    nil,
	"internal/test/outside":    {"repo", "repo/connect", "repo/job", "repo/job/profile", "repo/report", "snapshot", "snapshot/retention"},
	"internal/test/scale":      nil,
	"internal/test/sim":        {"chunk", "internal/seal", "pack", "repo", "snapshot", "target", "target/targettest"},
	"internal/test/treetest":   nil,
	"cmd/qsnap":                {"chunk", "internal/archive", "internal/control/client", "internal/exit", "internal/governor", "internal/history", "internal/mount", "internal/page", "internal/patternfile", "internal/runlog", "internal/state", "internal/term", "internal/unit", "pack", "repo", "repo/connect", "repo/job", "repo/job/calendar", "repo/job/profile", "repo/report", "snapshot", "snapshot/retention", "target", "target/targettest"},
	"internal/test/enginetest": {"internal/config", "internal/engine", "internal/keys", "internal/take", "internal/test/fixture", "snapshot", "target"},

	"internal/test/bench/quiet": {"internal/governor", "repo", "repo/connect", "repo/report"},
}

// light names what a program that imports repo and target/local compiles beside
// the standard library.
var light = []string{
	"github.com/restic/chunker", "github.com/zeebo/blake3", "github.com/klauspost/cpuid/v2", "go.etcd.io/bbolt",
	"golang.org/x/crypto", "golang.org/x/sys", "golang.org/x/sync", "github.com/fxamacker/cbor/v2",
	"github.com/x448/float16", "github.com/klauspost/compress",
}

type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct{ Path string }
}

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Standard,Module"}, args...)...)
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module)
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s has no place in the architecture", name)
		}
		for _, i := range p.Imports {
			if other, ours := strings.CutPrefix(i, module); ours && !slices.Contains(may, other) {
				t.Errorf("%s imports %s", name, other)
			}
		}
	}
}

func TestRepoStaysLight(t *testing.T) {
	for _, p := range list(t, "-deps", "./repo", "./repo/report", "./target/local") {
		if p.Standard || strings.HasPrefix(p.ImportPath+"/", module) || p.Module == nil {
			continue
		}
		if !slices.Contains(light, p.Module.Path) {
			t.Errorf("repo brings along %s", p.Module.Path)
		}
	}
}
