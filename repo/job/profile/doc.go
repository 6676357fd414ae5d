// Package profile reads and edits the configuration of hourly jobs: which sources go where,
// when, and what happens before and after.
//
// # Files
//
// The configuration is the YAML file that Locate finds. If its name is config.yaml, the
// files conf.d/*.yaml beside it belong to it, too. Each file may have these keys:
//
//	targets:      # locations that profiles name
//	profiles:     # the jobs
//	service:      # settings of qsnapd
//
// Example returns a file with every key, and Schema the JSON Schema that editors use.
//
// # Rules
//
// An unknown key is refused, with the file, the line and what was probably meant. So are a
// key that is there twice, a name that is there in two files, and a value of another type.
// A single value stands for a list of one. An empty value is as good as no value.
//
// File names and directories that begin with ~/ are in the home directory. Relative ones
// are relative to the directory of the file that names them. Nothing else is expanded.
//
// A profile named default is no job: all others inherit from it. Mappings are merged key by
// key, at any depth. Lists and other values of a profile replace those of default, and so
// does an empty value, which takes an inherited one back. Of keys that exclude each other,
// such as every and cron, a profile's own replaces the inherited one.
//
// # What must stay true
//
// No secret is in the configuration, and none is in what Settings returns. A problem of one
// profile leaves the others usable. An edit changes no other line of the file, and what
// doesn't check isn't written.
package profile
