package capture

// Files are handed out in the order of the tree, but are in another order on the disk. If
// they aren't in the system's cache, workers that read one file after another keep the
// disk waiting, and wait for it. So the walk, which is some batches ahead of the workers,
// makes the system read cold files: it sorts them by their position on the disk. Only a
// sample of each batch is tested for being cold, so that the test costs next to nothing
// when the files are cached.

const (
	batchesAhead = 16 // batches that no worker has taken
	coldSample   = 32 // one file of this many is tested
)

// An aheadReader is a directory on disk.
type aheadReader interface {
	// ReadAhead makes the system read a file into its cache, and doesn't wait. It reports
	// whether the beginning of the file was not cached, as far as that is known.
	ReadAhead(name string) (cold bool)
}

// readAhead makes the system read the files of a batch if they seem to be cold.
func (c *capture) readAhead(batch []fileJob) {
	if c.SpareCache { // it has to be known of each file whether it is cold
		for i := range batch {
			batch[i].cold = batch[i].readAhead()
		}
		return
	}
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
