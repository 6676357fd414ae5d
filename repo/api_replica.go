package repo

// Served returns the names of the objects that couldn't be read here and were read
// from a replica instead: Heal mends them.
func (r *Repo) Served() []string {
	return served(r.e)
}
