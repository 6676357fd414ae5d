// Package webdav keeps a repository's objects on a WebDAV server (RFC 4918).
//
// An object is a file below the collection that Options.URL names; what is needed of
// collections is made on the way. It uses PUT, MOVE, GET with ranges, PROPFIND of
// depth 0 and 1, DELETE and MKCOL. All that is read is taken only from answers that
// can be told from a login page or a proxy's: a listing is whole, well formed XML that
// names the collection it is of, and a range is the one that was asked for.
//
// # Creating
//
// Put has to create an object whole, and never replace one. RFC 4918 offers MOVE with
// "Overwrite: F" for that, but servers look first and rename then, so that two at once
// can both succeed, the second replacing what the first has put: Apache and nginx do,
// with several workers. So those that put under one name settle it before they move:
//
//  1. PUT the bytes to "_uploads/<key>_<id>", where key is made from the object's name
//     and id is random.
//  2. List _uploads. Other files of this key are rivals. While one of them has a lesser
//     id, wait for it to go, but not for long; then DELETE those that are left.
//  3. MOVE the upload to its name, with "Overwrite: F".
//
// Of two rivals at least one sees the other in step 2, and has its upload moved or
// deleted before it moves its own; a file that is gone can't be moved any more. So a
// MOVE that finds the name free stays alone until it is done, however long the server
// takes between looking and renaming, and whoever died or was given up in between.
// Who finds his upload deleted starts again. The model in the package's tests tries
// all orders of three rivals' steps. It asks these of a server: what was PUT is in the
// next listing, and a file is moved to one place at most. Base and objects must lie on
// one file system, and nobody may put objects there by other ways at the same time.
//
// Before its first Put, a Target tries whether the server heeds "Overwrite: F" at all,
// and refuses to put with ErrOverwrites if not.
//
// What is below _uploads is no object: an underscore is in no object's name. An upload
// that broke off is deleted by the Target that began it. A crashed one's stays, and
// costs space only: nobody can tell it from one that is slow. RemoveUploads deletes all;
// the Puts that were at it then start again.
//
// Put returns when the server has said that the object is there. Whether that survives
// a power failure is up to the server; WebDAV has no word for it.
//
// # Errors
//
// Requests that don't succeed are an *Error: one line, without credentials. It is
// fs.ErrNotExist, fs.ErrPermission or syscall.ENOSPC where that is the matter. One that
// may pass has
//
//	Temporary() bool            // true: it may succeed later
//	RetryAfter() time.Duration  // how long the server wants to be left alone; 0 if it didn't say, or a Budget sees to it
//
// which errors.As finds. After an unclear answer to the MOVE, Put looks what came of
// it, and has succeeded if the name holds exactly its bytes. No call waits longer
// than Options.Timeout for a server that is silent, plus some seconds for tidying.
//
// A request goes to the server that was named and no other: a redirection to another
// scheme, host or port is an error. Basic, digest (RFC 7616) and bearer authentication
// are used as the server asks for; a password that was once used with digest isn't
// sent in clear later.
package webdav
