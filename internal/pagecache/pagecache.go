// Package pagecache looks at what the system keeps of files in memory, and drops it.
//
// What must stay true: where the system doesn't tell, all counts as cached, so that nobody
// drops what others may need. Dropping loses no data.
package pagecache
