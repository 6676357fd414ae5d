package mutants

// All returns the mutants.
func All() []Mutant {
	return []Mutant{
		{
			Name:  "publish before what was captured is stored",
			Tests: "TestTwoWriters",
			Edits: []Edit{{"internal/take/run.go", `	if err == nil {
		err = s.Flush()
	}
`, ""}},
		},
		{
			Name:  "publish without a pending manifest",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety",
			Edits: []Edit{{"internal/write/publish.go",
				`if err := e.Store.Put(ctx, object.Pending.Name(p.m.ID), p.sealed); err != nil {`,
				`if err := ctx.Err(); err != nil {`}},
		},
		{
			Name:  "drop a stale pending manifest without a tombstone",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety",
			Edits: []Edit{{"internal/prune/pending.go",
				`if err := p.e.Catalog.PutTombstone(ctx, id); err != nil {`,
				`if err := ctx.Err(); err != nil {`}},
		},
		{
			Name:  "take a tombstone for a publication",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety",
			Edits: []Edit{{"internal/catalog/publish.go", `		return ErrTombstone
	}
	return err
}`, `		return nil
	}
	return err
}`}},
		},
		{
			Name:  "publish over a tombstone",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety|TestAWriterBuildsOnWhatIsForgotten",
			Edits: []Edit{{"internal/catalog/publish.go", `		return ErrTombstone
	}
	return err
}`, `		return errors.Join(c.store.Delete(ctx, object.Snapshots.Name(id)), c.store.Put(ctx, object.Snapshots.Name(id), sealed))
	}
	return err
}`}},
		},
		{
			Name:  "a writer reads which packs there are before it reads the quarantine",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety",
			Edits: []Edit{
				{"internal/write/publish.go", `		quarantine, err := e.Runs.Quarantined(ctx) // before anything else is looked at
`, `		early, err := e.Blobs.Packs(ctx)
		if err != nil {
			return false, err
		}
		quarantine, err := e.Runs.Quarantined(ctx)
`},
				{"internal/write/publish.go", `		if err != nil || vouched && !gone {
`, `		exists = func(id pack.ID) bool { _, ok := early[id]; return ok }
		gone = false
		for id := range p.s.relied {
			gone = gone || quarantine.Has(id) || !exists(id)
		}
		if err != nil || vouched && !gone {
`},
			},
		},
		{
			Name:  "a prune reads which packs there are before it reads the quarantine",
			Tests: "TestTwoPrunesWithTwoCopies", Interruptions: 3,
			Edits: []Edit{{"internal/prune/delete.go", `	quarantine, err := p.e.Runs.Quarantined(ctx) // of all, before the packs
	if err != nil {
		return nil, err
	}
	there, err := p.e.Blobs.Packs(ctx)
`, `	there, err := p.e.Blobs.Packs(ctx)
	if err != nil {
		return nil, err
	}
	quarantine, err := p.e.Runs.Quarantined(ctx)
`}},
		},
		{
			Name:  "a prune reads published manifests before pending ones",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety",
			Edits: []Edit{{"internal/prune/mark.go", `{object.Pending, object.Snapshots}`, `{object.Snapshots, object.Pending}`}},
		},
		{
			Name:  "a pack leaves quarantine before it is deleted",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety",
			Edits: []Edit{{"internal/prune/delete.go", `	err := p.e.Store.Delete(ctx, object.Packs.Name(info.ID))`,
				`	if err := p.e.Runs.Release(ctx, info.ID, p.s.Run); err != nil {
		return err
	}
	err := p.e.Store.Delete(ctx, object.Packs.Name(info.ID))`}},
		},
		{
			Name:  "a prune honours its own quarantine only",
			Tests: "TestTwoPrunesWithTwoCopies",
			Edits: []Edit{{"internal/prune/delete.go", `return ok && !quarantine.Has(id)`, `return ok && !slices.Contains(quarantine[id], p.s.Run)`}},
		},
		{
			Name:  "a writer doesn't look whether the packs are there that its parent doesn't vouch for",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety",
			Edits: []Edit{{"internal/write/publish.go", `if err != nil || vouched && !gone {`, `if err != nil || vouched && (gone || !gone) {`}},
		},
		{
			Name:  "a writer whose parent stands doesn't read the quarantine",
			Tests: "TestEveryRunOfAWriterAndAHastyPrune|TestLeasesAreNoSafety",
			Edits: []Edit{{"internal/write/publish.go", `vouched := p.Proven && len(quarantine) == 0`, `vouched := p.Proven`},
				{"internal/write/publish.go", `		gone = gone || quarantine.Has(id) || !exists(id)
`, `		gone = gone || !exists(id)
`}},
		},
		{
			Name:  "a writer takes its parent to stand",
			Tests: "TestAWriterBuildsOnWhatIsForgotten",
			Edits: []Edit{{"internal/write/publish.go", `if vouched, err = e.Catalog.Exists(ctx, id); err != nil {`, `if err := ctx.Err(); err != nil {`}},
		},
		{
			Name:  "a writer takes a tombstone for its parent",
			Tests: "TestAWriterBuildsOnWhatIsForgotten",
			Edits: []Edit{{"internal/catalog/publish.go", `return err == nil && h.Kind() == seal.Manifest, nil`, `return err == nil && h.Kind() != 0, nil`}},
		},
		{
			Name:  "a run takes what it goes on from to be there",
			Tests: "TestGoingOnBesideAHastyPrune",
			Edits: []Edit{{"internal/take/run.go", `Proven: r.resume == nil,`, `Proven: true,`}},
		},
		{
			Name:  "a copy uses the name of a pack again",
			Tests: "TestACopyBesidePrunes",
			Edits: []Edit{{"internal/write/upload.go", `err == nil && !free {`, `err == nil && !free && info == nil {`}},
		},
		{
			Name:  "a prune deletes what its index has lost",
			Tests: "TestAPruneDeletesNoPackThatItsIndexHasLost",
			Edits: []Edit{{"internal/prune/delete.go", `rescued[n] = !known[id]`, `rescued[n] = len(known) < 0 && !known[id]`}},
		},
	}
}
