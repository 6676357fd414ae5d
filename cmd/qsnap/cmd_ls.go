package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/snapshot"
)

func (p *program) lsCommand() *cli.Command {
	return p.command(&cli.Command{
		Name:      "ls",
		Usage:     "list what is in a snapshot",
		ArgsUsage: "SNAPSHOT[:PATH]",
		Flags: append(selectFlags(), atFlag(),
			&cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "with modes, owners, sizes and times"},
			&cli.BoolFlag{Name: "flat", Usage: "not what is in directories below"}),
		Action: p.ls,
	})
}

func (p *program) ls(c *cli.Context) error {
	if c.NArg() > 1 {
		_, err := oneArgument(c, "SNAPSHOT[:PATH]")
		return err
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer p.close(c, r)
	m, at, err := p.snapshotAndPath(c, r, c.Args().First())
	if err != nil {
		return err
	}
	root, err := r.Entry(c.Context, m, at)
	if err != nil {
		return err
	}
	if p.json {
		head := struct {
			snapshotJSON
			MessageType string `json:"message_type"`
			StructType  string `json:"struct_type"`
		}{toJSON(m), "snapshot", "snapshot"}
		if err := p.emit(head); err != nil {
			return err
		}
	}
	base := strings.Trim(at, "/")
	if root.Type != snapshot.Dir {
		return p.showEntry(c, base, root)
	}
	var failed error
	for e, err := range r.Walk(c.Context, root) {
		if err != nil {
			if c.Context.Err() != nil {
				return err
			}
			p.warn("%s: %s", p.path(path.Join(base, e.Path)), oneLine(err))
			failed = errors.Join(failed, err)
			continue
		}
		*e.Skip = c.Bool("flat")
		if err := p.showEntry(c, path.Join(base, e.Path), e.Entry); err != nil {
			return err
		}
	}
	if failed != nil {
		return told{failed}
	}
	return nil
}

func (p *program) showEntry(c *cli.Context, full string, e *snapshot.Entry) error {
	if p.json {
		return p.emit(nodeToJSON(full, e))
	}
	line := p.path(full)
	if c.Bool("long") {
		line = longLine(e) + " " + line
		if e.Type == snapshot.Symlink {
			line += " -> " + p.path(e.Target)
		}
	}
	if e.Problem != "" {
		line += "  (not captured: " + e.Problem + ")"
	}
	_, err := fmt.Fprintln(p.stdout, line)
	return err
}

// longLine describes an entry as ls -l does.
func longLine(e *snapshot.Entry) string {
	user, group := e.User, e.Group
	if user == "" {
		user = fmt.Sprint(e.UID)
	}
	if group == "" {
		group = fmt.Sprint(e.GID)
	}
	what := fmt.Sprint(e.Size)
	if e.Type == snapshot.CharDevice || e.Type == snapshot.BlockDevice {
		what = fmt.Sprintf("%d,%d", e.Major, e.Minor)
	}
	mark := " "
	if len(e.Xattrs) > 0 {
		mark = "+"
	}
	return fmt.Sprintf("%s%s %-8s %-8s %12s %s", permissions(e), mark, user, group, what, localTime(e.MTime.Time()))
}

// permissions returns type and mode as ls -l shows them.
func permissions(e *snapshot.Entry) string {
	b := []byte("-rwxrwxrwx")
	b[0] = "-dlpcbs"[e.Type]
	for i := range 9 {
		if e.Mode&(1<<(8-i)) == 0 {
			b[i+1] = '-'
		}
	}
	for _, special := range []struct {
		bit uint32
		at  int
		set byte
	}{{0o4000, 3, 's'}, {0o2000, 6, 's'}, {0o1000, 9, 't'}} {
		if e.Mode&special.bit == 0 {
			continue
		}
		if b[special.at] == '-' {
			special.set -= 'a' - 'A'
		}
		b[special.at] = special.set
	}
	return string(b)
}

// nodeJSON is an entry as restic's users know it, and a little more.
type nodeJSON struct {
	Name        string      `json:"name"`
	Type        string      `json:"type"`
	Path        string      `json:"path"`
	PathBase64  string      `json:"path_base64,omitempty"` // if it is no UTF-8
	UID         uint32      `json:"uid"`
	GID         uint32      `json:"gid"`
	User        string      `json:"user,omitempty"`
	Group       string      `json:"group,omitempty"`
	Size        *int64      `json:"size,omitempty"` // of files
	Mode        fs.FileMode `json:"mode"`
	Permissions string      `json:"permissions"`
	MTime       time.Time   `json:"mtime"`
	CTime       time.Time   `json:"ctime"`
	Inode       uint64      `json:"inode,omitempty"`
	LinkTarget  string      `json:"linktarget,omitempty"`
	Error       string      `json:"error,omitempty"` // why it was not captured
	MessageType string      `json:"message_type"`
	StructType  string      `json:"struct_type"`
}

func nodeToJSON(full string, e *snapshot.Entry) nodeJSON {
	n := nodeJSON{
		Name: e.Name, Type: e.Type.String(), Path: "/" + full, PathBase64: rawBytes(full),
		UID: e.UID, GID: e.GID, User: e.User, Group: e.Group,
		Mode: e.FileMode(), Permissions: permissions(e), MTime: e.MTime.Time(), CTime: e.CTime.Time(),
		Inode: e.Inode, LinkTarget: e.Target, Error: e.Problem, MessageType: "node", StructType: "node",
	}
	if e.Type == snapshot.File {
		n.Size = &e.Size
	}
	return n
}
