package report

// A LiveState is what a check of a profile on this machine has found.
type LiveState string

// The states of such a check.
const (
	LiveOK      LiveState = "ok"
	LiveWarning LiveState = "warning" // look at it
	LiveFailed  LiveState = "failed"  // the profile would not work
	LiveSkipped LiveState = "skipped" // something else that failed has to work first
)

// A LiveCheck is one line of what is found out about a profile before it goes live.
type LiveCheck struct {
	Head
	Profile string    `json:"profile"`
	Name    string    `json:"name" doc:"what was checked"`
	State   LiveState `json:"state" doc:"ok, warning, failed or skipped"`
	Message string    `json:"message" doc:"what was found"`
}

// NewLiveCheck returns a LiveCheck.
func NewLiveCheck(profile, name string, state LiveState, message string) LiveCheck {
	return LiveCheck{Head{"live_check"}, profile, name, state, message}
}
