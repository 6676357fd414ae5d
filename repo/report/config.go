package report

import "encoding/json"

// ConfigProblem is something in a configuration that can't work or, if it is a warning, that
// a person should look at.
type ConfigProblem struct {
	Head
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Key     string `json:"key,omitempty" doc:"such as profiles.app.schedule"`
	Message string `json:"message"`
	Warning bool   `json:"warning" doc:"it works all the same"`
}

// NewConfigProblem returns a ConfigProblem.
func NewConfigProblem(file string, line int, key, message string, warning bool) ConfigProblem {
	return ConfigProblem{Head{"problem"}, file, line, key, message, warning}
}

// ConfigChecked is what a check of a configuration has found.
type ConfigChecked struct {
	Head
	File     string   `json:"file"`
	Profiles []string `json:"profiles" doc:"that were checked"`
	Errors   int      `json:"errors"`
	Warnings int      `json:"warnings"`
}

// NewConfigChecked returns a ConfigChecked.
func NewConfigChecked(file string, profiles []string, errors, warnings int) ConfigChecked {
	return ConfigChecked{Head{"summary"}, file, list(profiles), errors, warnings}
}

// ConfigShown is a configuration with all that is inherited and all defaults. Its keys are
// those of the file.
type ConfigShown struct {
	Head
	File   string          `json:"file"`
	Config json.RawMessage `json:"config" doc:"as in the file"`
}

// NewConfigShown returns a ConfigShown.
func NewConfigShown(file string, config json.RawMessage) ConfigShown {
	return ConfigShown{Head{"config"}, file, config}
}

// ProfileListed is a profile in a list.
type ProfileListed struct {
	Name       string   `json:"name"`
	Repository string   `json:"repository,omitempty"`
	Sources    []string `json:"sources"`
	Schedule   string   `json:"schedule,omitempty" doc:"such as every 1h"`
	Paused     bool     `json:"paused"`
	Problem    string   `json:"problem,omitempty" doc:"why it can't be used"`
}

// ProfileEdited names a profile that was added, changed, removed or recovered.
type ProfileEdited struct {
	Head
	Name string `json:"name"`
	File string `json:"file" doc:"the main file of the configuration"`
}

// NewProfileEdited returns a ProfileEdited, whose type says what was done.
func NewProfileEdited(what, name, file string) ProfileEdited {
	return ProfileEdited{Head{"profile_" + what}, name, file}
}
