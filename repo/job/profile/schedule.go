package profile

// A Schedule says when a profile runs. Without Every and Cron it runs only when it is asked
// to.
type Schedule struct {
	Every        Duration  `yaml:"every,omitempty" alt:"due" doc:"the interval, at least 10 s" eg:"1h"`
	Cron         string    `yaml:"cron,omitempty" alt:"due" doc:"a cron expression with five fields" eg:"0 * * * *"`
	Zone         string    `yaml:"zone,omitempty" doc:"the time zone of cron; the machine's if there is none" eg:"Europe/Berlin"`
	Full         string    `yaml:"full,omitempty" doc:"how often a run is full: daily, weekly, monthly, never or a cron expression" eg:"weekly"`
	Differential string    `yaml:"differential,omitempty" doc:"how often a run is differential" eg:"daily"`
	Jitter       *Duration `yaml:"jitter,omitempty" doc:"how much later than the slot a run starts at most; 5 % of every if there is none" eg:"3m"`
	Window       []Window  `yaml:"window,omitempty" doc:"the times of the day at which runs may start" eg:"[\"22:00-06:00\"]"`
	LowLoad      LowLoad   `yaml:"low-load,omitempty" doc:"wait with a run until the machine is idle" optional:"true"`
	CatchUp      *bool     `yaml:"catch-up,omitempty" doc:"run once what was missed" default:"true"`
	Retry        Retry     `yaml:"retry,omitempty" doc:"what happens after a run that failed"`
}

// LowLoad says which load is low. The zero value waits for none.
type LowLoad struct {
	CPU  Percent  `yaml:"cpu,omitempty" doc:"start when the processors are busy for less than this part" eg:"30%"`
	Wait Duration `yaml:"wait,omitempty" doc:"start at the latest after this time" default:"20m"`
}

// Retry says how often a run that failed is tried again before the next slot.
type Retry struct {
	Times int      `yaml:"times,omitempty" doc:"how often; -1 is not at all" default:"3" min:"-1" max:"100"`
	Delay Duration `yaml:"delay,omitempty" doc:"the first pause, which then doubles" default:"1m"`
}

// Limits say what a run may take of the machine.
type Limits struct {
	Mode     string  `yaml:"mode,omitempty" doc:"always keeps the budget; yield uses what is idle, and gives way at once; off takes all" enum:"always,yield,off" default:"always"`
	CPU      Percent `yaml:"cpu,omitempty" doc:"the part of all processors" default:"10%"`
	IO       Percent `yaml:"io,omitempty" doc:"the part of what the disk can do" default:"30%"`
	Disk     Rate    `yaml:"disk,omitempty" doc:"how many bytes a second are all that the disk can do; the best rate seen if there is none" eg:"200M"`
	Memory   Size    `yaml:"memory,omitempty" doc:"how much memory a run uses" default:"256M"`
	Upload   Rate    `yaml:"upload,omitempty" doc:"how many bytes a second are sent at most" eg:"5M"`
	Download Rate    `yaml:"download,omitempty" doc:"how many bytes a second are fetched at most"`
	First    string  `yaml:"first,omitempty" doc:"the mode of the first run, as nothing is protected before" enum:"always,yield,off" default:"yield"`
	Hours    []Hours `yaml:"hours,omitempty" doc:"other limits at some times of the day; the first that fits counts" eg:"[{when: \"mon-fri 08:00-18:00\", cpu: 5%}]"`
}

// Hours are limits at some times of the day. What isn't set is as at other times.
type Hours struct {
	When     Window  `yaml:"when" doc:"the days and hours" eg:"mon-fri 08:00-18:00"`
	Mode     string  `yaml:"mode,omitempty" doc:"as in limits" enum:"always,yield,off"`
	CPU      Percent `yaml:"cpu,omitempty" doc:"as in limits" eg:"5%"`
	IO       Percent `yaml:"io,omitempty" doc:"as in limits" eg:"10%"`
	Upload   Rate    `yaml:"upload,omitempty" doc:"as in limits" eg:"1M"`
	Download Rate    `yaml:"download,omitempty" doc:"as in limits" eg:"1M"`
}

// Hooks are what runs before and after a run.
type Hooks struct {
	Before    []Hook `yaml:"before,omitempty" doc:"before the sources are read"`
	After     []Hook `yaml:"after,omitempty" doc:"after the version was made, before retention; owed once before has begun"`
	OnSuccess []Hook `yaml:"on-success,omitempty" doc:"at the end of a run that did all it had to"`
	OnFailure []Hook `yaml:"on-failure,omitempty" doc:"at the end of any other run"`
	OnOverdue []Hook `yaml:"on-overdue,omitempty" doc:"when the last good version becomes too old"`
	Ping      Ping   `yaml:"ping,omitempty" doc:"URLs that are asked at the beginning and the end, as of healthchecks.io" optional:"true"`
}

// A Hook is one command. In a file, a list of words stands for a hook with this command.
type Hook struct {
	Command  []string `yaml:"command,omitempty,flow" alt:"what" doc:"the program and its arguments" eg:"[systemctl, stop, app]"`
	Shell    string   `yaml:"shell,omitempty" alt:"what" doc:"a command line for sh" eg:"pg_dump app > /srv/app/dump.sql"`
	Timeout  Duration `yaml:"timeout,omitempty" doc:"how long it may take" default:"10m"`
	Required bool     `yaml:"required,omitempty" doc:"if it fails, the run stops"`
}

// Ping says which URLs are asked. The zero value asks none.
type Ping struct {
	URL     string   `yaml:"url,omitempty" alt:"ping" doc:"the URL of a check: /start, /fail and the exit code are added to it" eg:"https://hc-ping.com/UUID"`
	URLFile Path     `yaml:"url-file,omitempty" alt:"ping" doc:"a file whose first line is that URL"`
	Start   string   `yaml:"start,omitempty" doc:"another URL for the beginning"`
	Success string   `yaml:"success,omitempty" doc:"another URL for success"`
	Failure string   `yaml:"failure,omitempty" doc:"another URL for failure"`
	Body    *bool    `yaml:"body,omitempty" doc:"send the run's report along" default:"true"`
	Timeout Duration `yaml:"timeout,omitempty" doc:"how long it is tried" default:"30s"`
}
