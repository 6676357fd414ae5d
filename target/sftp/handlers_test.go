package sftp

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/pkg/sftp"
)

// A mischief is a server's file system that does what it should not. Its fields are
// set before it is used.
type mischief struct {
	replaces bool  // rename replaces files
	stays    bool  // rename says that it worked, and did nothing
	noLinks  bool  // hard links don't work
	lie      int64 // added to the sizes of files below tmp/
	short    int   // reads return no more than this
	free     uint64
	readOnly bool

	// before is asked about each operation, "write" and "read" included.
	before func(method, path string) error
	linked func(from string) // is told before the client is

	mu sync.Mutex // rename looks first, and must not race in a test's server
}

func (m *mischief) handlers() *sftp.Handlers {
	return &sftp.Handlers{FileGet: m, FilePut: m, FileCmd: m, FileList: m}
}

func (m *mischief) ask(method, path string) error {
	if m.before == nil {
		return nil
	}
	return m.before(method, path)
}

type mischiefFile struct {
	*os.File
	m *mischief
}

func (f mischiefFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.m.ask("read", f.Name()); err != nil {
		return 0, err
	}
	if f.m.short > 0 {
		p = p[:min(len(p), f.m.short)]
	}
	return f.File.ReadAt(p, off)
}

func (f mischiefFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.m.ask("write", f.Name()); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

func (m *mischief) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	if err := m.ask("open", r.Filepath); err != nil {
		return nil, err
	}
	f, err := os.Open(r.Filepath)
	if err != nil {
		return nil, err
	}
	return mischiefFile{f, m}, nil
}

func (m *mischief) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	if err := m.ask("create", r.Filepath); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(r.Filepath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return mischiefFile{f, m}, nil
}

func (m *mischief) Filecmd(r *sftp.Request) error {
	if err := m.ask(r.Method, r.Filepath); err != nil {
		return err
	}
	switch r.Method {
	case "Rename":
		return m.rename(r.Filepath, r.Target)
	case "Link":
		if m.noLinks {
			return syscall.EPERM
		}
		err := os.Link(r.Filepath, r.Target)
		if m.linked != nil {
			m.linked(r.Filepath)
		}
		return err
	case "Mkdir":
		return os.Mkdir(r.Filepath, 0o700)
	case "Remove":
		return syscall.Unlink(r.Filepath)
	case "Rmdir":
		return syscall.Rmdir(r.Filepath)
	}
	return sftp.ErrSSHFxOpUnsupported
}

func (m *mischief) rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stays {
		return nil
	}
	if _, err := os.Lstat(to); err == nil && !m.replaces {
		return sftp.ErrSSHFxFailure
	}
	return os.Rename(from, to)
}

type infos []fs.FileInfo

func (l infos) ListAt(to []fs.FileInfo, off int64) (int, error) {
	if off >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(to, l[off:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

type lyingInfo struct {
	fs.FileInfo
	by int64
}

func (i lyingInfo) Size() int64 { return i.FileInfo.Size() + i.by }

func (m *mischief) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if err := m.ask(r.Method, r.Filepath); err != nil {
		return nil, err
	}
	if r.Method != "List" {
		info, err := os.Stat(r.Filepath)
		return infos{info}, err
	}
	entries, err := os.ReadDir(r.Filepath)
	if err != nil {
		return nil, err
	}
	var l infos
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		l = append(l, info)
	}
	return l, nil
}

// Lstat makes it an sftp.LstatFileLister.
func (m *mischief) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	if err := m.ask("Lstat", r.Filepath); err != nil {
		return nil, err
	}
	info, err := os.Lstat(r.Filepath)
	if err == nil && strings.Contains(r.Filepath, "/put-") {
		info = lyingInfo{info, m.lie}
	}
	return infos{info}, err
}

// StatVFS makes it an sftp.StatVFSFileCmder.
func (m *mischief) StatVFS(*sftp.Request) (*sftp.StatVFS, error) {
	s := &sftp.StatVFS{Bsize: 1, Frsize: 1, Blocks: 1 << 40, Bfree: m.free, Bavail: m.free, Files: 100, Ffree: 50, Favail: 50}
	if m.readOnly {
		s.Flag = 1
	}
	return s, nil
}

// PosixRename makes it an sftp.PosixRenameFileCmder: nobody may ask for that.
func (m *mischief) PosixRename(*sftp.Request) error { return errors.New("this would replace files") }
