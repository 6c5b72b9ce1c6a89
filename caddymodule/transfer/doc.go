// Package transfer brings accounts and users in and out as files, CSV and JSON
// Lines, and all records of a store as one backup. It owns the columns, what a
// file may look like, how duplicates are found, and the form of a backup.
//
// It leaves to others: what an acceptable account or user is and how it is
// written (directory), which password hashes are verified (passhash), where
// files come from and who may bring one (operate, the roof).
//
// Everything is read and written as a stream: memory does not grow with the
// file, but for a few bytes for each line that find duplicates.
package transfer
