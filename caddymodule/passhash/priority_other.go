//go:build !unix

package passhash

func stepBack(int) error { return nil }
