package profile

// A File is what one file of the configuration may hold.
type File struct {
	Targets  map[string]Target  `yaml:"targets,omitempty" doc:"locations that profiles name"`
	Profiles map[string]Profile `yaml:"profiles,omitempty" doc:"the jobs; all inherit from the one named default"`
	Service  Service            `yaml:"service,omitempty" doc:"settings of qsnapd"`
}

// A Profile is a job: it says what is saved where, when, and for how long. Names of files and
// directories are absolute.
type Profile struct {
	// Name is the profile's key.
	Name string `yaml:"-"`

	Repo     Location `yaml:"repo,omitempty" doc:"where the repository is" eg:"/backup/app"`
	Secret   `yaml:",inline"`
	Sources  []Source   `yaml:"sources,omitempty" doc:"the files and directories to save" eg:"[/srv/app]"`
	Replicas []Location `yaml:"replicas,omitempty" doc:"where copies of the same repository are kept up to date" eg:"[/mnt/usb/app]"`
	Copies   []Copy     `yaml:"copies,omitempty" doc:"other repositories that get a copy of each version"`

	Host     string   `yaml:"host,omitempty" doc:"the host that is recorded; $QSNAP_HOST or the machine's name if there is none" eg:"web1"`
	Tags     []string `yaml:"tags,omitempty" doc:"tags of each version" eg:"[hourly]"`
	Priority int      `yaml:"priority,omitempty" doc:"from 1 to 9; waiting runs with a higher one come first" default:"5" min:"1" max:"9"`
	Paused   bool     `yaml:"paused,omitempty" doc:"do not run it by schedule"`
	Overdue  Duration `yaml:"overdue,omitempty" doc:"the age from which the last good version counts as overdue; twice the schedule's interval if there is none" eg:"2h"`

	Schedule  Schedule  `yaml:"schedule,omitempty" doc:"when it runs, and at which level"`
	Retention Retention `yaml:"retention,omitempty" doc:"which versions stay; without a rule all do"`
	Prune     Prune     `yaml:"prune,omitempty" doc:"how space is reclaimed after retention"`
	Verify    Verify    `yaml:"verify,omitempty" doc:"the slice of verification of each day"`
	Limits    Limits    `yaml:"limits,omitempty" doc:"what a run may take of the machine"`
	Hooks     Hooks     `yaml:"hooks,omitempty" doc:"what runs before and after"`

	Level             string   `yaml:"level,omitempty" doc:"the level of a run whose schedule says nothing else" enum:"incremental,differential,full"`
	Exclude           []string `yaml:"exclude,omitempty" doc:"patterns, as of .gitignore, of what is left out" eg:"[\"*.tmp\", /srv/app/cache]"`
	ExcludeFile       []Path   `yaml:"exclude-file,omitempty" doc:"files with such patterns"`
	IgnoreFile        []string `yaml:"ignore-file,omitempty" doc:"names of files in the tree with patterns for their directory, beside .qsnapignore" eg:"[.gitignore]"`
	ExcludeCaches     bool     `yaml:"exclude-caches,omitempty" doc:"leave out the contents of directories with a CACHEDIR.TAG"`
	ExcludeLargerThan Size     `yaml:"exclude-larger-than,omitempty" doc:"leave out larger files" eg:"2G"`
	OneFileSystem     bool     `yaml:"one-file-system,omitempty" doc:"do not enter other file systems"`
	AcceptUnread      []string `yaml:"accept-unread,omitempty" doc:"patterns of what never can be read: a version without it is good all the same" eg:"[/srv/app/run/*.sock]"`
	Parent            string   `yaml:"parent,omitempty" doc:"the version to compare with; the last of the same host and paths if there is none"`
	Force             bool     `yaml:"force,omitempty" doc:"read all files, even those that seem unchanged"`
	IgnoreCTime       bool     `yaml:"ignore-ctime,omitempty" doc:"do not compare change times"`
	IgnoreInode       bool     `yaml:"ignore-inode,omitempty" doc:"do not compare inode numbers"`
	Compression       string   `yaml:"compression,omitempty" doc:"how hard new data is compressed" enum:"auto,off,fastest,default,better,max"`
	Verbose           bool     `yaml:"verbose,omitempty" doc:"print the patterns that matched nothing"`

	CacheDir  Path  `yaml:"cache-dir,omitempty" doc:"where the local index is kept"`
	CacheSize *Size `yaml:"cache-size,omitempty" doc:"how much of a remote repository's small objects is cached" eg:"512M"`
	NoKeyring bool  `yaml:"no-keyring,omitempty" doc:"do not use the kernel's keyring"`

	settings []byte
}

// A Source is a file or directory to save. A text stands for one with this path.
type Source struct {
	Path       Path `yaml:"path" doc:"the file or directory" eg:"/srv/app"`
	MayBeEmpty bool `yaml:"may-be-empty,omitempty" doc:"save it even if nothing is in it, or nothing is mounted there"`
}

// A Secret says where the password or key of a repository comes from. At most one field is
// set.
type Secret struct {
	KeyFile         Path   `yaml:"key-file,omitempty" alt:"secret" doc:"a file with the key" eg:"/etc/qsnap/app.key"`
	PasswordFile    Path   `yaml:"password-file,omitempty" alt:"secret" doc:"a file whose first line is the password" eg:"/etc/qsnap/app.password"`
	PasswordCommand string `yaml:"password-command,omitempty" alt:"secret" doc:"a command line for a shell, which prints the password" eg:"pass show backup/app"`
	Credential      string `yaml:"credential,omitempty" alt:"secret" doc:"the name of a systemd credential with the key or password" eg:"app-key"`
}

// IsZero reports whether no secret is named.
func (s Secret) IsZero() bool { return s == Secret{} }

// A Copy is another repository, with keys of its own, that gets a copy of each version.
type Copy struct {
	Repo   Location `yaml:"repo" doc:"where the other repository is" eg:"/mnt/offsite/app"`
	Secret `yaml:",inline"`
}

// Retention says which versions of a profile stay. Without a rule all of them do.
type Retention struct {
	KeepLast     int      `yaml:"keep-last,omitempty" doc:"keep the newest version of each of the newest N slots; -1 keeps all" min:"-1" eg:"72"`
	KeepExtra    *int     `yaml:"keep-extra,omitempty" doc:"how many further versions stay within these slots; as many as keep-last if there is none, and -1 keeps all" min:"-1"`
	KeepHourly   int      `yaml:"keep-hourly,omitempty" doc:"keep the newest version of each of the last N hours that have one; -1 keeps all" min:"-1"`
	KeepDaily    int      `yaml:"keep-daily,omitempty" doc:"the same for days" min:"-1"`
	KeepWeekly   int      `yaml:"keep-weekly,omitempty" doc:"the same for weeks" min:"-1"`
	KeepMonthly  int      `yaml:"keep-monthly,omitempty" doc:"the same for months" min:"-1"`
	KeepYearly   int      `yaml:"keep-yearly,omitempty" doc:"the same for years" min:"-1"`
	KeepWithin   string   `yaml:"keep-within,omitempty" doc:"keep versions that are less than this older than the newest" eg:"3d12h"`
	KeepTag      []string `yaml:"keep-tag,omitempty" doc:"keep versions with one of these tags"`
	GroupBy      *string  `yaml:"group-by,omitempty" doc:"apply the rules to each group of versions with the same fields; by host and profile if there is none" eg:"host,paths"`
	Path         []Path   `yaml:"path,omitempty" doc:"apply the rules only to versions that hold these paths"`
	Tag          []string `yaml:"tag,omitempty" doc:"apply the rules only to versions with these tags"`
	Kind         []string `yaml:"kind,omitempty" doc:"apply the rules to versions of these kinds" enum:"source,imported,before-restore,evidence,trial,catalog,any"`
	Installation string   `yaml:"installation,omitempty" doc:"apply the rules only to versions of this installation, which \"qsnap snapshots\" names"`
	Prune        *bool    `yaml:"prune,omitempty" doc:"delete afterwards the data that no version needs" default:"true"`
}

// Prune says how the space of forgotten versions is reclaimed.
type Prune struct {
	MaxUnused     *Share   `yaml:"max-unused,omitempty" doc:"how much unused data may stay in packs, as a part of the used data" eg:"3%"`
	MaxRepackSize *Size    `yaml:"max-repack-size,omitempty" doc:"how much data is repacked at most" eg:"2G"`
	TimeBudget    Duration `yaml:"time-budget,omitempty" doc:"how long it repacks at most" default:"10m"`
	DropPending   []string `yaml:"drop-pending,omitempty" doc:"interrupted snapshots to give up, where prune can not decide that"`
	Wait          Duration `yaml:"wait,omitempty" doc:"how long to wait for runs that may rely on packs to be deleted" eg:"5m"`
}

// Verify says how much is verified each day.
type Verify struct {
	Depth          int      `yaml:"depth,omitempty" doc:"how far a verification goes: 1 opens every seal and compares every hash" default:"1" min:"1" max:"1"`
	Slices         int      `yaml:"slices,omitempty" alt:"part" doc:"read one of this number of parts each day, so that all data is read in as many days; -1 reads none" eg:"30" min:"-1"`
	ReadData       bool     `yaml:"read-data,omitempty" alt:"part" doc:"read all data each day"`
	ReadDataSubset string   `yaml:"read-data-subset,omitempty" alt:"part" doc:"read this part of the data each day: a percentage, or always the same part" eg:"5%"`
	NoKey          bool     `yaml:"no-key,omitempty" doc:"compare only the replicas"`
	TimeBudget     Duration `yaml:"time-budget,omitempty" doc:"how long it reads at most" default:"10m"`
}

// Service is what qsnapd heeds beside the profiles.
type Service struct {
	Socket    Socket            `yaml:"socket,omitempty" doc:"the control socket"`
	Parallel  Parallel          `yaml:"parallel,omitempty" doc:"how many runs there are at a time"`
	LogLevel  string            `yaml:"log-level,omitempty" doc:"what is logged" enum:"debug,info,warn,error" default:"info"`
	LogLevels map[string]string `yaml:"log-levels,omitempty" doc:"the same for single components" enum:"debug,info,warn,error" eg:"{dispatch: debug}"`
}

// Socket says who may use the control socket.
type Socket struct {
	Group string `yaml:"group,omitempty" doc:"a group whose members may read the state; without one only the owner may" eg:"qsnap"`
}

// Parallel says how many runs there are at a time.
type Parallel struct {
	Host       int `yaml:"host,omitempty" doc:"on this host" default:"2" min:"1" max:"64"`
	Repository int `yaml:"repository,omitempty" doc:"for each repository" default:"1" min:"1" max:"64"`
}
