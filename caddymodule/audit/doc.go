// Package audit keeps, for each account, the log of who did what to whom, from
// where and when: changes, and what support looked at. It owns the form of the
// lines, the chain that makes a removed or altered one show, the signed
// checkpoints that stand in for lines past their time, and the erasure of what
// a line says about a person. Who may read it is decided elsewhere.
//
// A line is written by Append, inside the Update of the change it records: there
// is no change without its line and no line without its change. Lines hold no
// secrets: whoever calls Append gives none.
package audit
