package capture

// Files are handed out in the order of the tree, and lie on the disk in some other one.
// Where they aren't in the system's cache, workers that read one after another would
// keep the disk waiting for them, and wait for it themselves. So the walk, which is some
// batches ahead of the workers, has the system read files that are cold: it sorts what
// it has to read by where that lies. Whether they are cold is asked of a few of each
// batch, so that it costs nothing to speak of where they aren't.

const (
	batchesAhead = 16 // of files that no worker has taken
	coldSample   = 32 // of so many files of a batch one is asked about
)

// An aheadReader is a directory on disk.
type aheadReader interface {
	// ReadAhead has the system read a file into its cache, and doesn't wait for that. It
	// reports whether the file's beginning wasn't there, as far as that is known.
	ReadAhead(name string) (cold bool)
}

// readAhead has the system read the files of a batch if they seem to be cold.
func readAhead(batch []fileJob) {
	cold := false
	for i := 0; i < len(batch); i += coldSample {
		cold = batch[i].readAhead() || cold
	}
	if !cold {
		return
	}
	for i, j := range batch {
		if i%coldSample > 0 {
			j.readAhead()
		}
	}
}

func (j fileJob) readAhead() (cold bool) {
	e := j.entry()
	dir, ok := j.block.node.dir.(aheadReader)
	return ok && e.Size > 0 && dir.ReadAhead(e.Name)
}
