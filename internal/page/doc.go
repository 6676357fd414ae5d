// Package page writes the report of a host as one HTML file with charts.
//
// What must stay true:
//
//   - The file is whole: it has no script, and nothing that a browser would fetch. A policy
//     in its head says so to the browser.
//   - Names come from other people. Text is escaped for where it stands, control characters
//     are shown as such, and the direction of one name changes no other text.
//   - Nothing is said by colour alone: each state has a shape and a word.
//   - It can be read in light and dark, on paper, and by a screen reader.
package page
