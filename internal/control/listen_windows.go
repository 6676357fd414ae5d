package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
)

// listen makes the socket. Who may use it is what the directory's access list says.
func listen(path, group string) (net.Listener, error) {
	if group != "" {
		return nil, errors.New("\"socket: {group: …}\" is not known on Windows: set the access list of the state directory instead")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return net.Listen("unix", path)
}
