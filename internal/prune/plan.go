package prune

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/qsnap/qsnap/pack"
)

// A candidate is a pack before its fate is decided.
type candidate struct {
	id          pack.ID
	tree        bool
	size        int64
	used        int64 // bytes of its live blobs, with their share of the footer
	leave       bool  // it must not be touched: its run is alive, or it can't be read
	quarantined bool  // it can't be relied on, so its live blobs must be repacked
	oldKey      bool  // it is sealed with a key from before the last rotation
	locked      bool  // it can't be deleted for some time
}

// limits say how thoroughly space is reclaimed.
type limits struct {
	maxUnused float64 // bytes that may stay unused, as a fraction of those used
	maxRepack *int64  // bytes that may be repacked, beside packs in quarantine; nil means no limit
	packSize  int64   // size of a full pack
}

// A plan says what happens to packs, by their numbers. Other packs stay.
type plan struct {
	drop   []int // packs without live blobs
	locked []int // packs without live blobs that can't be deleted yet
	repack []int // packs to repack, in this order
	unused int64 // bytes that stay unused
}

// Small packs are repacked together when there are this many of about the same size.
// Sizes are about the same if they are between the same two powers of four. So a combined
// pack belongs to a larger group, and what an hourly run adds is repacked a few times at
// most: the scheme is that of log-structured merge trees (O'Neil et al., 1996).
const gatherPacks = 8

// choosePlan returns the plan for packs.
func choosePlan(packs []candidate, l limits) plan {
	var plan plan
	var used, repacked int64
	var movable []int
	chosen := make([]bool, len(packs))
	repack := func(i int) {
		chosen[i] = true
		plan.repack = append(plan.repack, i)
		repacked += packs[i].used
	}
	fits := func(i int) bool { return l.maxRepack == nil || repacked+packs[i].used <= *l.maxRepack }
	for i, p := range packs {
		used += p.used
		switch {
		case p.leave:
		case p.used == 0 && p.locked:
			plan.locked = append(plan.locked, i)
		case p.used == 0:
			plan.drop = append(plan.drop, i)
		case p.quarantined:
			repack(i)
		default:
			movable = append(movable, i)
			plan.unused += p.size - p.used
		}
	}
	// The live blobs of a locked pack take space twice until its lock ends.
	pays := func(p candidate) bool { return !p.locked || p.used < p.size/2 }
	move := func(i int) {
		if !chosen[i] && fits(i) && pays(packs[i]) {
			repack(i)
			plan.unused -= packs[i].size - packs[i].used
		}
	}
	// The emptiest packs first: there each repacked byte reclaims the most.
	slices.SortStableFunc(movable, func(a, b int) int {
		return cmp.Or(cmp.Compare(float64(packs[a].used)/float64(packs[a].size), float64(packs[b].used)/float64(packs[b].size)), compareIDs(packs, a, b))
	})
	for _, i := range movable {
		if packs[i].oldKey {
			move(i)
		}
	}
	for _, i := range movable {
		if float64(plan.unused) <= l.maxUnused*float64(used) || packs[i].used == packs[i].size {
			break
		}
		move(i)
	}
	for _, group := range small(packs, movable, l.packSize) {
		group = slices.DeleteFunc(group, func(i int) bool { return chosen[i] || packs[i].locked })
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
func small(packs []candidate, movable []int, full int64) [][]int {
	groups := map[int][]int{}
	for _, i := range movable {
		p := packs[i]
		if p.size >= full/2 {
			continue
		}
		g := bits.Len64(uint64(p.size)) / 2 * 2
		if p.tree {
			g++
		}
		groups[g] = append(groups[g], i)
	}
	var keys []int
	for g, members := range groups {
		keys = append(keys, g)
		slices.SortFunc(members, func(a, b int) int {
			return cmp.Or(cmp.Compare(packs[a].size, packs[b].size), compareIDs(packs, a, b))
		})
	}
	slices.Sort(keys)
	var out [][]int
	for _, g := range keys {
		out = append(out, groups[g])
	}
	return out
}

func compareIDs(packs []candidate, a, b int) int {
	return slices.Compare(packs[a].id[:], packs[b].id[:])
}
