package prune

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/qsnap/qsnap/pack"
)

// A Pack describes a pack before its fate is decided.
type Pack struct {
	ID   pack.ID
	Tree bool
	Size int64
	Used int64 // bytes of its live blobs, with their share of the footer
	// Leave says that the pack must not be touched: its run is alive, or it can't be read.
	Leave bool
	// Banned says that the pack is in a quarantine and can't be relied on, so its live
	// blobs must be repacked.
	Banned bool
	// OldKey says that the pack is sealed with a key from before the last rotation.
	OldKey bool
	// Locked says that the pack can't be deleted for some time.
	Locked bool
}

// Limits say how thoroughly space is reclaimed.
type Limits struct {
	MaxUnused float64 // bytes that may stay unused, as a fraction of those used
	MaxRepack int64   // bytes that may be repacked; 0 means no limit
	PackSize  int64   // size of a full pack
}

// A Plan says what happens to packs, by their numbers. Other packs stay.
type Plan struct {
	Drop   []int // packs without live blobs
	Locked []int // packs without live blobs that can't be deleted yet
	Repack []int // packs to repack, in this order
	Unused int64 // bytes that stay unused
}

// Small packs are repacked together when there are this many of about the same size.
// Sizes are about the same if they are between the same two powers of four. So a combined
// pack belongs to a larger group, and what an hourly run adds is repacked a few times at
// most: the scheme is that of log-structured merge trees (O'Neil et al., 1996).
const gatherPacks = 8

// Choose returns the plan.
func Choose(packs []Pack, l Limits) Plan {
	var plan Plan
	var used, repacked int64
	var movable []int
	chosen := make([]bool, len(packs))
	repack := func(i int) {
		chosen[i] = true
		plan.Repack = append(plan.Repack, i)
		repacked += packs[i].Used
	}
	fits := func(i int) bool { return l.MaxRepack <= 0 || repacked+packs[i].Used <= l.MaxRepack }
	for i, p := range packs {
		used += p.Used
		switch {
		case p.Leave:
		case p.Used == 0 && p.Locked:
			plan.Locked = append(plan.Locked, i)
		case p.Used == 0:
			plan.Drop = append(plan.Drop, i)
		case p.Banned:
			repack(i)
		default:
			movable = append(movable, i)
			plan.Unused += p.Size - p.Used
		}
	}
	// The live blobs of a locked pack take space twice until its lock ends.
	pays := func(p Pack) bool { return !p.Locked || p.Used < p.Size/2 }
	move := func(i int) {
		if !chosen[i] && fits(i) && pays(packs[i]) {
			repack(i)
			plan.Unused -= packs[i].Size - packs[i].Used
		}
	}
	// The emptiest packs first: there each repacked byte reclaims the most.
	slices.SortStableFunc(movable, func(a, b int) int {
		return cmp.Or(cmp.Compare(float64(packs[a].Used)/float64(packs[a].Size), float64(packs[b].Used)/float64(packs[b].Size)), compareIDs(packs, a, b))
	})
	for _, i := range movable {
		if packs[i].OldKey {
			move(i)
		}
	}
	for _, i := range movable {
		if float64(plan.Unused) <= l.MaxUnused*float64(used) || packs[i].Used == packs[i].Size {
			break
		}
		move(i)
	}
	for _, group := range small(packs, movable, l.PackSize) {
		group = slices.DeleteFunc(group, func(i int) bool { return chosen[i] || packs[i].Locked })
		if len(group) < gatherPacks {
			continue
		}
		for _, i := range group {
			move(i)
		}
	}
	return plan
}

// small groups the packs of less than half the usual size by kind and size, smallest
// first.
func small(packs []Pack, movable []int, full int64) [][]int {
	groups := map[int][]int{}
	for _, i := range movable {
		p := packs[i]
		if p.Size >= full/2 {
			continue
		}
		g := bits.Len64(uint64(p.Size)) / 2 * 2
		if p.Tree {
			g++
		}
		groups[g] = append(groups[g], i)
	}
	var keys []int
	for g, members := range groups {
		keys = append(keys, g)
		slices.SortFunc(members, func(a, b int) int {
			return cmp.Or(cmp.Compare(packs[a].Size, packs[b].Size), compareIDs(packs, a, b))
		})
	}
	slices.Sort(keys)
	var out [][]int
	for _, g := range keys {
		out = append(out, groups[g])
	}
	return out
}

func compareIDs(packs []Pack, a, b int) int { return slices.Compare(packs[a].ID[:], packs[b].ID[:]) }
