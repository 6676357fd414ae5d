package report

import (
	"time"

	"github.com/qsnap/qsnap/repo"
)

// Initialized names a repository that was made.
type Initialized struct {
	Head
	ID         string `json:"id"`
	Repository string `json:"repository"`
}

// NewInitialized returns an Initialized.
func NewInitialized(id, location string) Initialized {
	return Initialized{Head{"initialized"}, id, location}
}

// KeyAdded names a key slot that was added.
type KeyAdded struct {
	Head
	ID string `json:"id"`
}

// NewKeyAdded returns a KeyAdded.
func NewKeyAdded(id string) KeyAdded { return KeyAdded{Head{"key_added"}, id} }

// KeyRemoved names a key slot that was removed, as the command line did.
type KeyRemoved struct {
	Head
	ID string `json:"id"`
}

// NewKeyRemoved returns a KeyRemoved.
func NewKeyRemoved(id string) KeyRemoved { return KeyRemoved{Head{"key_removed"}, id} }

// KeyReplaced says that the secret was replaced.
type KeyReplaced struct{ Head }

// NewKeyReplaced returns a KeyReplaced.
func NewKeyReplaced() KeyReplaced { return KeyReplaced{Head{"key_replaced"}} }

// KeyRotated is what came of a rotation.
type KeyRotated struct {
	Head
	Left    []repo.Key `json:"left" doc:"keys that open older objects only"`
	Removed int        `json:"removed"`
}

// NewKeyRotated returns a KeyRotated.
func NewKeyRotated(left []repo.Key, removed int) KeyRotated {
	return KeyRotated{Head{"key_rotated"}, list(left), removed}
}

// RecoverySheet is what opens a repository whatever becomes of its keys.
type RecoverySheet struct {
	Head
	RepositoryID string `json:"repository_id"`
	Recovery     string `json:"recovery" doc:"lines that are secret"`
}

// NewRecoverySheet returns a RecoverySheet.
func NewRecoverySheet(id, lines string) RecoverySheet {
	return RecoverySheet{Head{"recovery_sheet"}, id, lines}
}

// TargetSummary is whether a target can be trusted with a repository, and how fast it is.
type TargetSummary struct {
	Head
	Target            string        `json:"target"`
	OK                bool          `json:"ok"`
	Checks            []TargetCheck `json:"checks"`
	CreateOnly        bool          `json:"create_only"`
	RequestSeconds    float64       `json:"request_seconds"`
	UploadPerSecond   int64         `json:"upload_bytes_per_second"`
	DownloadPerSecond int64         `json:"download_bytes_per_second"`
	FreeBytes         int64         `json:"free_bytes" doc:"0 if that is not known"`
	TotalBytes        int64         `json:"total_bytes" doc:"the same"`
	SecondsElapsed    float64       `json:"seconds_elapsed"`
}

// TargetCheck is one thing that a repository relies on.
type TargetCheck struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// NewTargetSummary returns a TargetSummary without checks, which are to be added.
func NewTargetSummary(location string, took time.Duration) TargetSummary {
	return TargetSummary{Head: Head{"summary"}, Target: location, Checks: []TargetCheck{}, SecondsElapsed: took.Seconds()}
}

// Unhidden names objects that were brought back though somebody had hidden them.
type Unhidden struct {
	Head
	DryRun  bool     `json:"dry_run"`
	Objects []string `json:"objects"`
}

// NewUnhidden returns an Unhidden.
func NewUnhidden(objects []string, dryRun bool) Unhidden {
	return Unhidden{Head{"unhidden"}, dryRun, list(objects)}
}
