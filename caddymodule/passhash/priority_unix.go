//go:build unix && !linux

package passhash

// stepBack lowers the priority of the whole process.
func stepBack() error { return beNice() }
