// Package webdav stores a repository's objects on a WebDAV server (RFC 4918).
//
// An object is a file below the collection that Options.URL names. Collections are made
// as needed. The package uses PUT, MOVE, GET with ranges, PROPFIND of depth 0 and 1,
// DELETE and MKCOL. It accepts only answers that can be distinguished from those of a
// login page or a proxy: a listing is complete, well-formed XML that names its
// collection, and a range is the requested one.
//
// # Create-only puts
//
// Put must create an object completely, and never replace one. RFC 4918 offers MOVE with
// "Overwrite: F" for that, but servers check first and rename then. So two simultaneous
// MOVEs can both succeed, and the second replaces the object of the first: Apache and
// nginx behave like that, with several workers. Therefore clients that put one name
// settle it before they move:
//
//  1. PUT the bytes to "_uploads/<key>_<id>", where key is made from the object's name
//     and id is random.
//  2. List _uploads. Other files with this key are rivals. While a rival has a lesser id,
//     wait for it to disappear, but not for long; then DELETE the remaining rivals.
//  3. MOVE the upload to its name, with "Overwrite: F".
//
// Of two rivals at least one sees the other in step 2, and makes sure that the other's
// upload is moved or deleted before it moves its own. A file that is gone can't be moved
// any more. So a MOVE that finds the name free has no competitor until it is done,
// however long the server takes between checking and renaming, and whichever client died
// or was given up meanwhile. A client whose upload was deleted starts again. The model in
// the package's tests tries all orders of three rivals' steps. The protocol requires of a
// server that a PUT file is in the next listing, and that a file is moved to at most one
// place. Base and objects must be on one file system, and nobody may put objects there in
// other ways at the same time.
//
// Before its first Put, a Target tests whether the server respects "Overwrite: F" at all,
// and refuses to put with ErrOverwrites if not.
//
// Files below _uploads are no objects: no object's name contains an underscore. A failed
// upload is deleted by the Target that began it. A crashed client's upload stays, and
// costs only space: nobody can distinguish it from a slow one. RemoveUploads deletes all
// uploads; running Puts then start again.
//
// Put returns when the server has said that the object is stored. Whether the object
// survives a power failure depends on the server; WebDAV has no request for that.
//
// # Errors
//
// Failed requests are an *Error: one line, without credentials. It matches
// fs.ErrNotExist, fs.ErrPermission or syscall.ENOSPC if that is the cause. A temporary
// error has
//
//	Temporary() bool            // true: it may succeed later
//	RetryAfter() time.Duration  // how long the server asks to wait; 0 if it didn't say, or a Budget takes care of it
//
// which errors.As finds. After an unclear answer to the MOVE, Put checks the outcome, and
// has succeeded if the name holds exactly its bytes. No call waits longer than
// Options.Timeout for a silent server, plus some seconds for cleaning up.
//
// Requests go only to the named server: a redirection to another scheme, host or port is
// an error. Basic, digest (RFC 7616) and bearer authentication are used as the server
// requests; a password that was once used with digest isn't sent in clear later.
package webdav
