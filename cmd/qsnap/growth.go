package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/qsnap/qsnap/repo"
)

// growthJSON is the growth by one snapshot.
type growthJSON struct {
	ID           string     `json:"id"`
	ShortID      string     `json:"short_id"`
	Time         time.Time  `json:"time"`
	Hostname     string     `json:"hostname"`
	Paths        []string   `json:"paths"`
	FilesNew     uint64     `json:"files_new"`
	FilesChanged uint64     `json:"files_changed"`
	New          amountJSON `json:"new"`
	Total        amountJSON `json:"total"`
	Only         amountJSON `json:"only"`
}

type amountJSON struct {
	Chunks     uint64 `json:"chunks"`
	ChunkBytes uint64 `json:"chunk_bytes"`
	Trees      uint64 `json:"trees"`
	TreeBytes  uint64 `json:"tree_bytes"`
	Stored     uint64 `json:"stored_bytes"`
}

func growthToJSON(g repo.Growth) growthJSON {
	m := g.Snapshot
	return growthJSON{
		ID: m.ID.String(), ShortID: m.ID.Short(), Time: m.End, Hostname: m.Hostname, Paths: m.Paths,
		FilesNew: m.Stats.NewFiles, FilesChanged: m.Stats.ChangedFiles,
		New: amountJSON(g.New), Total: amountJSON(g.Total), Only: amountJSON(g.Only),
	}
}

// growth shows what each snapshot added, and what forgetting it would free.
func (p *program) growth(c *cli.Context) error {
	if c.NArg() > 0 {
		return hint{fmt.Errorf("--growth is of many snapshots, and takes none by name"), "pick some with --host, --path, --tag or --at"}
	}
	s, err := p.selection(c)
	if err != nil {
		return err
	}
	r, err := p.open(c)
	if err != nil {
		return err
	}
	defer r.Close()
	list, err := r.Growth(c.Context, s)
	if err != nil {
		return hint{err, "\"qsnap check\" tells more"}
	}
	if p.json {
		out := []growthJSON{}
		for _, g := range list {
			out = append(out, growthToJSON(g))
		}
		return p.emit(out)
	}
	if len(list) == 0 {
		p.say("there are no snapshots%s", map[bool]string{true: " that these flags pick"}[c.NumFlags() > 1])
		return nil
	}
	rows := [][]string{{"ID", "TIME", "HOST", "NEW", "CHANGED", "DATA", "TREES", "STORED", "TOTAL", "FREED"}}
	for _, g := range list {
		m := g.Snapshot
		rows = append(rows, []string{
			m.ID.Short(), localTime(m.End), m.Hostname, count(m.Stats.NewFiles), count(m.Stats.ChangedFiles),
			size(g.New.ChunkBytes), size(g.New.TreeBytes), size(g.New.Stored), size(g.Total.Stored), size(g.Only.Stored),
		})
	}
	p.table(rows)
	return nil
}
