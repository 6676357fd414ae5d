package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/qsnap/qsnap/internal/disk"
	"github.com/qsnap/qsnap/internal/ignore"
	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// OwnIgnoreFile is the name of the files whose rules always apply.
const OwnIgnoreFile = ".qsnapignore"

// cacheTag marks a directory whose contents can be regenerated, see
// https://bford.info/cachedir/.
const (
	cacheTag          = "CACHEDIR.TAG"
	cacheTagSignature = "Signature: 8a477f597d28d172789f06886806bc55"
)

// leftOutUnseen reports whether a name is left out whatever it is the name of, so that it
// need not be examined. decided says that the rules have been applied. full builds the
// full path, which is only done if needed.
func (c *capture) leftOutUnseen(n *node, name string, full func() string) (out, decided bool) {
	switch {
	case n.cacheOnly && name != cacheTag:
		return true, true // recorded once, for the directory
	case disk.IsPart(name) || disk.IsAside(name):
		c.skip(full(), snapshot.NotePart, "left by an unfinished restore")
		return true, true
	case c.Rules == nil && n.rules == nil:
		return false, true
	}
	path := full()
	rule, out := c.decide(n, path, true)
	if rule != nil && rule.DirOnly() { // the rule doesn't apply to a file of that name
		kind, known := n.typeOf(name)
		if !known {
			return false, false
		}
		rule, out = c.decide(n, path, kind == snapshot.Dir)
	}
	if out {
		c.skipByRule(path, rule.Source()+": "+rule.String())
	}
	return out, true
}

// decide returns the rule that decides about a path. The rules of Options take
// precedence.
func (c *capture) decide(n *node, path string, isDir bool) (rule *ignore.Rule, out bool) {
	if rule, out = c.Rules.Match(path, isDir); rule == nil {
		rule, out = n.rules.Match(path, isDir)
	}
	return rule, out
}

// leftOut reports whether an entry is left out, and records why. If decided is set, the
// rules have been applied already.
func (c *capture) leftOut(n *node, e *snapshot.Entry, meta disk.Meta, decided bool, full func() string) bool {
	isDir := e.Type == snapshot.Dir
	if !decided {
		full := full()
		if rule, out := c.decide(n, full, isDir); out {
			c.skipByRule(full, rule.Source()+": "+rule.String())
			return true
		}
	}
	if what, ok := c.avoid[fileKey{meta.Device, e.Inode}]; ok && isDir && e.Inode != 0 {
		c.skip(full(), snapshot.NoteOwn, what)
		return true
	}
	if e.Type == snapshot.File && c.MaxFileSize > 0 && e.Size > c.MaxFileSize && e.Size != source.StreamSize {
		c.skip(full(), snapshot.NoteSize, fmt.Sprintf("larger than %d bytes", c.MaxFileSize))
		return true
	}
	return false
}

// avoidDirs records which directories must not be entered.
func (c *capture) avoidDirs(paths []string) error {
	c.avoid = map[fileKey]string{}
	for _, p := range paths {
		d, err := disk.OpenDir(p)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		if err != nil {
			return err
		}
		var e snapshot.Entry
		meta, err := d.Self(&e)
		d.Close()
		if err != nil {
			return err
		}
		c.avoid[fileKey{meta.Device, e.Inode}] = "used by qsnap itself"
	}
	return nil
}

// maxRulesSize limits the size of an ignore file, in bytes.
const maxRulesSize = 1 << 20

// readRules returns the rules for a directory: those from above, and those of the ignore
// files in it, of which .qsnapignore takes precedence.
func (c *capture) readRules(n *node, names []string) (*ignore.Set, error) {
	rules := n.rules
	for _, name := range append(slices.Clone(c.IgnoreFiles), OwnIgnoreFile) {
		if _, found := slices.BinarySearch(names, name); !found {
			continue
		}
		full := path.Join(n.path, name)
		text, err := readHead(n.dir, name, maxRulesSize+1)
		if err == nil && len(text) > maxRulesSize {
			err = errors.New("too large for an ignore file: its rules are not applied")
		}
		if err != nil {
			c.problem(full, err)
			continue
		}
		parsed, err := ignore.ParseFile(bytes.NewReader(text), full)
		if err != nil {
			c.problem(full, err)
			continue
		}
		if c.Heeded != nil {
			c.Heeded(n.path, names, parsed)
		}
		rules = rules.With(n.path, parsed)
	}
	return rules, nil
}

// readHead returns the first n bytes of a file, or fewer if it is shorter.
func readHead(d source.Dir, name string, n int64) ([]byte, error) {
	var e snapshot.Entry
	f, _, err := d.Open(name, &e)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, n))
}

// isCache reports whether the directory's tag is valid.
func (c *capture) isCache(n *node) bool {
	head, err := readHead(n.dir, cacheTag, int64(len(cacheTagSignature)))
	if err != nil || string(head) != cacheTagSignature {
		return false
	}
	c.skip(n.path, snapshot.NoteCache, "what is in it is a cache: "+cacheTag)
	return true
}

// mountPoint is a directory whose contents are on another file system.
type mountPoint struct {
	source.Dir
	name string
}

func (d mountPoint) Names() ([]string, error) { return nil, nil }
func (d mountPoint) Close() error             { return nil }

func (d mountPoint) Self(e *snapshot.Entry) (disk.Meta, error) {
	name := e.Name
	meta, err := d.Dir.Lstat(d.name, e)
	e.Name = name
	return meta, err
}

// otherFileSystem is the reason why the contents of a mount point are left out.
const otherFileSystem = "what is in it is on another file system"

// alike reports whether the contents of a directory equal those of its older version, as
// far as stamps can be trusted.
func (n *node) alike(c *capture, before, now *snapshot.Entry) bool {
	return before.Problem == "" && before.Type == now.Type && before.Size == now.Size &&
		before.MTime == now.MTime &&
		(c.IgnoreCTime || before.CTime == now.CTime) &&
		(c.IgnoreInode || before.Inode == now.Inode) &&
		before.Mode == now.Mode && before.UID == now.UID && before.GID == now.GID &&
		before.Major == now.Major && before.Minor == now.Minor
}

// isSettled reports whether the stamp that an entry is compared by can't hide a change.
func (c *capture) isSettled(n *node, e *snapshot.Entry, device uint64) bool {
	stamp := e.CTime
	if c.IgnoreCTime {
		stamp = e.MTime
	}
	if n.racy.has(stamp) {
		return false
	}
	return device == n.device || !legacyRacy(n.comparedWith(c), &volume{}).has(stamp) // a volume whose clock is unknown
}

// comparedWith returns the beginning of the run that a directory is compared with.
func (n *node) comparedWith(c *capture) time.Time {
	if n.resumed {
		return c.Resume.Start
	}
	return c.Parent.Start
}
