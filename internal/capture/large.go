package capture

import (
	"context"
	"errors"
	"sync"

	"github.com/qsnap/qsnap/snapshot"
)

// A piece is some chunks of a large file, one after another.
type piece struct {
	data   []byte
	ends   []end
	number int
	file   *largeFileJob
}

// A largeFileJob gathers the chunks of a file whose pieces different workers
// store.
type largeFileJob struct {
	fileJob
	mu      sync.Mutex
	content *snapshot.ContentWriter
	next    int                      // the piece whose chunks are to be added next
	early   map[int][]snapshot.Chunk // of later pieces
	pieces  int                      // how many there are, once that is known
	entry   snapshot.Entry
	problem error
}

// readLarge reads a file in the walk's goroutine and hands out its pieces.
func (c *capture) readLarge(ctx context.Context, j fileJob) error {
	for try := 0; ; try++ {
		l := &largeFileJob{fileJob: j, entry: *j.entry(), pieces: -1, content: c.contentWriter(ctx), early: map[int][]snapshot.Chunk{}}
		pieces, problem, fatal := c.readPieces(ctx, l)
		if fatal != nil {
			return fatal
		}
		if try == 0 && errors.Is(problem, errChanged) {
			continue // its pieces are stored, and not used
		}
		l.problem = problem
		return l.end(ctx, c, pieces)
	}
}

func (c *capture) readPieces(ctx context.Context, l *largeFileJob) (pieces int, problem, fatal error) {
	e := &l.entry
	f, meta, err := l.block.node.dir.open(e.Name, e)
	if err != nil {
		return 0, err, nil
	}
	defer f.Close()
	data := new(dataReader)
	if err := describeFile(f, meta, e, data); err != nil {
		return 0, err, nil
	}
	before := *e
	buf, err := c.freshBuffer(ctx)
	if err != nil {
		return 0, nil, err
	}
	last := buf
	problem, fatal = c.cut(ctx, data, l.before(), buf, func(chunks []byte, ends []end, rest []byte) ([]byte, error) {
		next, err := c.freshBuffer(ctx)
		if err != nil {
			return nil, err
		}
		copy(next, rest)
		last = next
		p := &piece{chunks, ends, pieces, l}
		pieces++
		return next, c.send(ctx, job{piece: p})
	})
	c.bufs <- last
	if _, stream := f.(streamFile); stream {
		e.Size = data.read
		return pieces, nil, errors.Join(problem, fatal)
	}
	if problem != nil || fatal != nil {
		return pieces, problem, fatal
	}
	e.Size -= before.DataSize() - data.read
	cutHoles(e)
	return pieces, stable(f, &before, e, new(snapshot.Entry)), nil
}

// freshBuffer returns a buffer for a piece, when one is free.
func (c *capture) freshBuffer(ctx context.Context) ([]byte, error) {
	select {
	case buf := <-c.bufs:
		if buf == nil {
			buf = make([]byte, c.pieceSize())
		}
		return buf[:cap(buf)], nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// putPiece stores the chunks of a piece.
func (c *capture) putPiece(ctx context.Context, p *piece, lane Lane) error {
	var chunks []snapshot.Chunk
	err := putChunks(ctx, lane, p.data, p.ends, func(s snapshot.Chunk) error {
		chunks = append(chunks, s)
		return nil
	})
	c.bufs <- p.data[:0]
	if err != nil {
		return err
	}
	return p.file.add(ctx, c, p.number, chunks)
}

// add adds the chunks of a piece, and of those that follow it and were early.
func (l *largeFileJob) add(ctx context.Context, c *capture, number int, chunks []snapshot.Chunk) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.early[number] = chunks
	for {
		chunks, ok := l.early[l.next]
		if !ok {
			return l.finishIfDone(ctx, c)
		}
		delete(l.early, l.next)
		l.next++
		for _, s := range chunks {
			if err := l.content.Add(s); err != nil {
				return err
			}
		}
	}
}

// end says how many pieces there are.
func (l *largeFileJob) end(ctx context.Context, c *capture, pieces int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pieces = pieces
	return l.finishIfDone(ctx, c)
}

func (l *largeFileJob) finishIfDone(ctx context.Context, c *capture) error {
	if l.next != l.pieces {
		return nil
	}
	if err := l.content.Finish(&l.entry); err != nil {
		return err
	}
	*l.fileJob.entry() = l.entry
	return c.endFile(ctx, l.fileJob, l.problem)
}
