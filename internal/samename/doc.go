// Package samename finds out which names a directory treats as the same, for example
// because it ignores case or the composition of letters.
//
// The directory decides that: names that might be the same are created there, in a
// directory of their own, and looked up. A dry run creates nothing and infers what it can.
// What must stay true: two names that a restore could create, and that the directory treats
// as the same, never count as distinct, because one would replace the other.
package samename
