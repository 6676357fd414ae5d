// Package outcome has what calls report that do what they can: what is lacking, which
// damage was found, and how far they have come.
package outcome
