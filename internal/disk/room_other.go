//go:build !linux

package disk

// RoomAt returns how much room there is for this user on the file system of a path. It
// isn't known here.
func RoomAt(string) Room { return Room{} }
