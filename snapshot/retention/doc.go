// Package retention decides which snapshots are kept, and says why.
//
// A Grouping divides snapshots into groups, and a Policy decides about each group by
// itself. The decisions depend only on the snapshots' manifests and on the time that the
// caller passes: whoever has the same manifests decides the same. Nothing is deleted here.
//
// What must stay true: applying a policy again, at the same time, to what it has kept
// keeps all of it. A snapshot whose stamp isn't trusted takes no other's place in the
// rules that depend on time, and an incomplete one takes no good one's place.
package retention
