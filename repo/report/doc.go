// Package report holds the shapes of what "qsnap --json" prints, as data.
//
// A struct stands for each object. Its fields have the names that JSON has, and it is
// both printed and decoded with package encoding/json:
//
//	var s report.SnapshotSummary
//	err := json.Unmarshal(line, &s)
//
// What package repo reports is embedded as it is; this package adds what a program
// outside needs beside it: a message_type, an id, what was asked for. A function New…
// makes each from what package repo returns.
//
// [Forms] lists what each command prints. Most commands print an object a line, and Head
// tells which it is; some print one value, and Form.List says that it is an array. All go
// to standard output, except [ExitError], [Latest] and [Traffic], which go to standard
// error.
//
// What is printed only sometimes is an embedded pointer, such as Total: it is nil where it
// was not printed.
//
// Times are as of RFC 3339, sizes are in bytes, and ids are hexadecimal digits. Text that
// is not UTF-8 is mangled by JSON: a path that is not comes with its bytes in base64.
//
// Fields may be added. None is renamed or removed, and none gets another type.
package report
