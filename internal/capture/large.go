package capture

import (
	"context"
	"errors"
	"sync"

	"github.com/qsnap/qsnap/internal/source"
	"github.com/qsnap/qsnap/snapshot"
)

// A piece is a window of a large file.
type piece struct {
	window
	number int
	file   *largeFileJob
	before <-chan rest // from the previous piece
	after  chan<- rest
}

// A largeFileJob collects the chunks of a file whose pieces are cut and stored by
// different workers.
type largeFileJob struct {
	fileJob
	mu      sync.Mutex
	content *snapshot.ContentWriter
	next    int                      // number of the piece whose chunks are added next
	early   map[int][]snapshot.Chunk // of later pieces
	pieces  int                      // number of pieces, once known
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
			continue // its pieces are stored but not used
		}
		l.problem = problem
		return l.end(ctx, c, pieces)
	}
}

func (c *capture) readPieces(ctx context.Context, l *largeFileJob) (pieces int, problem, fatal error) {
	e := &l.entry
	f, meta, err := l.block.node.dir.Open(e.Name, e)
	if err != nil {
		return 0, err, nil
	}
	defer f.Close()
	c.identify(l.block.node, e, meta)
	data := new(dataReader)
	if err := describeFile(f, meta, e, data); err != nil {
		return 0, err, nil
	}
	before := *e
	pieces, problem, fatal = c.sendPieces(ctx, l, data)
	if source.IsStream(f) {
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

// sendPieces reads a file and hands out its pieces in order.
func (c *capture) sendPieces(ctx context.Context, l *largeFileJob, data *dataReader) (pieces int, problem, fatal error) {
	first := c.newCutChain(ctx, l.before())
	link := make(chan rest, 1)
	link <- rest{cutChain: first}
	spare := c.sparing(data.f, data.size)
	for {
		buf, err := c.freshBuffer(ctx)
		if err != nil {
			return pieces, nil, err
		}
		if err := c.Pace.Pace(ctx); err != nil {
			return pieces, nil, err
		}
		spare.reach(data.at)
		s, err := c.readWindow(data, buf, first)
		if err != nil {
			c.bufs <- buf
			return pieces, err, nil
		}
		if spare.leave(data.at); s.ends {
			spare.leave(data.size)
		}
		after := make(chan rest, 1)
		p := &piece{window: s, number: pieces, file: l, before: link, after: after}
		link = after
		pieces++
		if err := c.send(ctx, job{piece: p}); err != nil || s.ends {
			return pieces, nil, err
		}
	}
}

// freshBuffer returns a buffer for a piece, waiting until one is free.
func (c *capture) freshBuffer(ctx context.Context) ([]byte, error) {
	select {
	case buf := <-c.bufs:
		if buf == nil {
			buf = make([]byte, c.Params.Max+pieceBytes)
		}
		return buf[:cap(buf)], nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// putPiece cuts a piece and stores its chunks. It waits only for the previous piece,
// which was handed out earlier, so it can't wait for ever.
func (c *capture) putPiece(ctx context.Context, p *piece, writer ChunkWriter) error {
	defer func() { c.bufs <- p.buf[:0] }()
	if err := c.Pace.Pace(ctx); err != nil {
		return err
	}
	p.cutAhead()
	var before rest
	select {
	case before = <-p.before:
	case <-ctx.Done():
		return ctx.Err()
	}
	found, rest := p.cutBehind(ctx, before)
	p.after <- rest
	var chunks []snapshot.Chunk
	err := putChunks(ctx, writer, p.buf, found, func(s snapshot.Chunk) error {
		chunks = append(chunks, s)
		return nil
	})
	if err != nil {
		return err
	}
	return p.file.add(ctx, c, p.number, chunks)
}

// add adds the chunks of a piece, and those of the following pieces that were finished
// early.
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

// end sets the number of pieces.
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
