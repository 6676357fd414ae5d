package repo

// Version is the version of this module.
const Version = "0.2.0"

// Program names this program and its version in manifests.
const Program = "qsnap " + Version
